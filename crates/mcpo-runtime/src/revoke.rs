//! `POST /revoke`: a client gives a token back (RFC 7009).

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode, header};

use crate::{
    app::App,
    grant::{self, AccessToken, Grant, RefreshToken},
    oauth_error::{ErrorCode, OAuthError},
    params::Params,
    request_body::FormBody,
    token,
};

/// Ends the whole grant, whichever of its tokens was sent (§2.1 asks for that with a refresh
/// token and allows it with an access token). Unknown tokens are answered 200, as §2.2 wants, and
/// so are other clients' tokens, which stay good.
///
/// A token that was sealed under a key that this instance does not know is answered 503, on which
/// the client "must assume the token still exists and may retry" (§2.2.1): while `MCPO_SECRET` is
/// being changed, another instance may know the key.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    FormBody(body): FormBody,
) -> Result<impl IntoResponse, OAuthError> {
    token::within_deadline(revoke(&app, &headers, &body)).await?;
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]))
}

async fn revoke(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<(), OAuthError> {
    let params = Params::parse(body)?;
    let unverified = params.require("token")?;
    let client = token::authenticate(app, headers, &params, Some(unverified))?;
    let Some(grant) = open_grant(app, unverified) else {
        let keys = &app.keys;
        if keys.lacks_key_of::<RefreshToken>(unverified)
            || keys.lacks_key_of::<AccessToken>(unverified)
        {
            tracing::warn!(client = ?client.key, "a token under an unknown key is not revoked");
            return Err(OAuthError::new(
                ErrorCode::TemporarilyUnavailable,
                "this instance does not know the key of the token, try again in a moment",
            ));
        }
        return Ok(());
    };
    if grant.belongs_to(&client) {
        grant::revoke(app.ledger.as_ref(), grant.id, app.now()).await?;
        app.grants.revoke(grant.id);
        tracing::info!(client = ?client.key, grant = ?grant.id, "grant revoked");
    }
    Ok(())
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
