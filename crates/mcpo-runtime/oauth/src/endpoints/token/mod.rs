//! `POST /token`: exchanges codes and refresh tokens for access tokens (OAuth 2.1 §3.2).

mod client_auth;
mod code;
mod deadline;
mod refresh;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::Serialize;

pub(crate) use self::{client_auth::authenticate, deadline::within_deadline};
use super::extractors::FormBody;
use crate::{
    base::clock::Timestamp,
    oauth::{
        error::{ErrorCode, OAuthError},
        fingerprint::Fingerprint,
        grant::{ACCESS_LIFETIME, AccessToken, Grant, RefreshToken},
        params::Params,
        scope::Scopes,
    },
    state::App,
    store::REFRESH_LIFETIME,
};

/// A successful response (RFC 6749 §5.1).
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
    match within_deadline(exchange(&app, &headers, &body)).await {
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
    let client = authenticate(app, headers, &params, params.get("refresh_token"))?;
    match grant_type {
        "authorization_code" => code::exchange(app, &client, &params).await,
        "refresh_token" => refresh::exchange(app, &client, &params).await,
        _ => Err(OAuthError::new(
            ErrorCode::UnsupportedGrantType,
            "grant_type must be authorization_code or refresh_token",
        )),
    }
}

/// The content of a new pair of tokens.
struct Issue {
    grant: Grant,
    /// The scopes of the access token, which are all or some of the grant's.
    scopes: Scopes,
    generation: u64,
    /// `None` in tokens from earlier versions, and in tokens that are issued for those.
    granted_at: Option<Timestamp>,
    client_secret: Option<Fingerprint>,
}

impl Issue {
    /// Seals the tokens with the first key of the ring, and renews the sign-in's credential version
    /// with it.
    fn seal(self, app: &App) -> Result<Tokens, OAuthError> {
        let issued_at = app.now();
        let scope = self.scopes.to_string();
        let grant = Grant {
            subject: self.grant.subject.renewed(&app.credential_versions),
            ..self.grant
        };
        let access = AccessToken {
            grant: Grant {
                scopes: self.scopes,
                ..grant.clone()
            },
            issued_at,
            expires_at: issued_at.plus(ACCESS_LIFETIME),
            granted_at: self.granted_at,
        };
        let refresh = RefreshToken {
            grant,
            generation: self.generation,
            issued_at,
            expires_at: issued_at.plus(REFRESH_LIFETIME),
            granted_at: self.granted_at,
            client_secret: self.client_secret,
        };
        Ok(Tokens {
            access_token: app.keys.seal(&access)?,
            token_type: "Bearer",
            expires_in: ACCESS_LIFETIME.as_secs(),
            refresh_token: app.keys.seal(&refresh)?,
            scope,
        })
    }
}

/// Refuses the code or token of another service that shares the secret. The record of such a grant
/// is in another ledger, and its tokens are for another resource.
fn check_resource(app: &App, grant: &Grant) -> Result<(), OAuthError> {
    if app.bases.is_own_resource(&grant.resource) {
        return Ok(());
    }
    tracing::warn!(
        resource = %grant.resource,
        own = %app.bases.primary().resource(),
        grant = ?grant.id,
        "code or refresh token refused: it is for another resource"
    );
    Err(OAuthError::invalid_grant("the grant is for another server"))
}

/// Returns the error for a second use that proves nothing: this process was suspended, so the
/// request may have waited while the client repeated it elsewhere.
fn outdated() -> OAuthError {
    OAuthError::new(
        ErrorCode::TemporarilyUnavailable,
        "the server was suspended for a while; try again in a moment",
    )
}

/// Returns the error for a request whose resource differs from that of its grant.
fn other_resource(grant: &Grant, requested: &str) -> OAuthError {
    tracing::warn!(
        requested,
        granted = %grant.resource,
        grant = ?grant.id,
        "the token request names another resource than the grant"
    );
    OAuthError::new(
        ErrorCode::InvalidTarget,
        "the resource differs from the one in the authorization request",
    )
}
