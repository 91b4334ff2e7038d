//! `POST /revoke`: revokes a token for its client (RFC 7009).

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode, header};

use super::{extractors::FormBody, token};
use crate::{
    oauth::{
        error::{ErrorCode, OAuthError},
        grant::{AccessToken, Grant, RefreshToken},
        params::Params,
    },
    state::App,
    store,
};

/// Revokes the whole grant for each of its tokens (§2.1 requires this for a refresh token and
/// allows it for an access token). Unknown tokens get a 200, as §2.2 requires. So do the tokens of
/// other clients, which stay valid.
///
/// A token that was sealed with an unknown key gets a 503. The client then "must assume the token
/// still exists and may retry" (§2.2.1): during a change of `MCPO_SECRET`, another instance may
/// know the key.
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
            tracing::warn!(client = ?client.key, "token not revoked: its key is unknown here");
            return Err(OAuthError::new(
                ErrorCode::TemporarilyUnavailable,
                "this instance does not know the key of the token; try again in a moment",
            ));
        }
        return Ok(());
    };
    if grant.belongs_to(&client) {
        store::revoke(app.store.as_ref(), grant.id, app.now()).await?;
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
