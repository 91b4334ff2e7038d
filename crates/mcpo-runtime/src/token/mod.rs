//! `POST /token`: codes and refresh tokens become access tokens (OAuth 2.1 §3.2).

mod client_auth;
mod code;
mod refresh;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::Serialize;

pub(crate) use self::client_auth::authenticate;
use crate::{
    app::App,
    grant::{ACCESS_LIFETIME, AccessToken, Grant, REFRESH_LIFETIME, RefreshToken},
    oauth_error::{ErrorCode, OAuthError},
    params::Params,
    request_body::FormBody,
    scope::Scopes,
};

/// A successful answer (RFC 6749 §5.1).
#[derive(Serialize)]
pub(crate) struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    scope: String,
}

pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    FormBody(body): FormBody,
) -> Response {
    match exchange(&app, &headers, &body).await {
        Ok(tokens) => ([(header::CACHE_CONTROL, "no-store")], Json(tokens)).into_response(),
        Err(error) => {
            tracing::warn!(error = error.code.as_str(), reason = %error.description,
                "token request refused");
            error.into_response()
        }
    }
}

async fn exchange(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Tokens, OAuthError> {
    let params = Params::parse(body)?;
    let grant_type = params.require("grant_type")?;
    let client = authenticate(app, headers, &params)?;
    match grant_type {
        "authorization_code" => code::exchange(app, &client, &params).await,
        "refresh_token" => refresh::exchange(app, &client, &params).await,
        _ => Err(OAuthError::new(
            ErrorCode::UnsupportedGrantType,
            "grant_type must be authorization_code or refresh_token",
        )),
    }
}

/// Seals a pair of tokens; `scopes` are the access token's, of all that the grant has.
fn issue(app: &App, grant: Grant, scopes: Scopes, generation: u64) -> Result<Tokens, OAuthError> {
    let issued_at = app.now();
    let scope = scopes.to_string();
    let access = AccessToken {
        grant: Grant {
            scopes,
            ..grant.clone()
        },
        issued_at,
        expires_at: issued_at.plus(ACCESS_LIFETIME),
    };
    let refresh = RefreshToken {
        grant,
        generation,
        issued_at,
        expires_at: issued_at.plus(REFRESH_LIFETIME),
    };
    Ok(Tokens {
        access_token: app.keys.seal(&access)?,
        token_type: "Bearer",
        expires_in: ACCESS_LIFETIME.as_secs(),
        refresh_token: app.keys.seal(&refresh)?,
        scope,
    })
}
