//! `POST /revoke`: a client gives a token back (RFC 7009).

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode, header};

use crate::{
    app::App,
    grant::{self, AccessToken, Grant, RefreshToken},
    oauth_error::OAuthError,
    params::Params,
    request_body::FormBody,
    token,
};

/// Ends the whole grant, whichever of its tokens was sent (§2.1 asks for that with a refresh
/// token and allows it with an access token). Unknown tokens are answered 200, as §2.2 wants, and
/// so are other clients' tokens, which stay good.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    FormBody(body): FormBody,
) -> Result<impl IntoResponse, OAuthError> {
    let params = Params::parse(&body)?;
    let client = token::authenticate(&app, &headers, &params)?;
    let grant = open_grant(&app, params.require("token")?);
    if let Some(grant) = grant.filter(|grant| grant.belongs_to(&client)) {
        grant::revoke(app.ledger.as_ref(), grant.id, app.now()).await?;
        app.grants.forget(grant.id);
        tracing::info!(client = ?client.key, grant = ?grant.id, "grant revoked");
    }
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]))
}

fn open_grant(app: &App, unverified: &str) -> Option<Grant> {
    let refresh = app
        .keys
        .open(unverified)
        .map(|token: RefreshToken| token.grant);
    let grant = refresh.or_else(|_| {
        app.keys
            .open(unverified)
            .map(|token: AccessToken| token.grant)
    });
    grant.ok()
}
