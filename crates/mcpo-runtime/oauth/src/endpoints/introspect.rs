//! `POST /introspect`: reports whether a token is valid, to clients that authenticate with a secret
//! (RFC 7662).

use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{extractors::FormBody, token};
use crate::{
    base::clock::Timestamp,
    oauth::{
        client::ProvenClient,
        error::{ErrorCode, OAuthError},
        grant::{AccessToken, Grant, RefreshToken},
        params::Params,
    },
    state::App,
    store::grant_cache::GrantState,
};

/// A client gets information about its own tokens only. All other tokens are reported as not
/// active, which reveals nothing (§2.2). If the ledger is unreachable, the status is 503: callers
/// rely on introspection, so the response is never a guess.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    FormBody(body): FormBody,
) -> Result<impl IntoResponse, OAuthError> {
    let answer = token::within_deadline(introspect(&app, &headers, &body)).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

async fn introspect(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Value, OAuthError> {
    let params = Params::parse(body)?;
    let unverified = params.require("token")?;
    let client = token::authenticate(app, headers, &params, Some(unverified))?;
    if !client.has_secret {
        return Err(OAuthError::invalid_client(
            "introspection requires a client with a secret",
        ));
    }
    let Some(token) = open(app, unverified) else {
        return Ok(inactive());
    };
    if !is_acceptable(app, &client, &token) || !is_current(app, &token).await? {
        return Ok(inactive());
    }
    Ok(json!({
        "active": true,
        "scope": token.grant.scopes.to_string(),
        "client_id": client.id,
        "sub": token.grant.subject.id,
        "aud": token.grant.resource,
        "iss": app.bases.primary().as_str(),
        "iat": token.issued_at.0,
        "exp": token.expires_at.0,
        "token_type": token.kind,
    }))
}

fn inactive() -> Value {
    json!({ "active": false })
}

/// Returns true if all checks that do not need the ledger succeed.
fn is_acceptable(app: &App, client: &ProvenClient, token: &Opened) -> bool {
    token.expires_at > app.now()
        && token.grant.belongs_to(client)
        && token.grant.subject.is_current(&app.credential_versions)
        && app.accepts_grants_of(token.granted_at)
        && app.bases.is_own_resource(&token.grant.resource)
}

/// Returns true if the grant is live and, for a refresh token, no newer one has replaced it.
async fn is_current(app: &App, token: &Opened) -> Result<bool, OAuthError> {
    match (app.grants.state(token.grant.id).await, token.generation) {
        (GrantState::Ended, _) => Ok(false),
        (GrantState::Live, None) => Ok(true),
        (GrantState::Live, Some(generation)) => {
            let found = app.store.grant(token.grant.id).await?;
            Ok(found.is_some_and(|found| {
                !found.record.revoked && found.record.generation == generation
            }))
        }
        (GrantState::Unconfirmed { .. }, _) => Err(OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "the server cannot reach its storage; try again in a moment",
        )),
    }
}

struct Opened {
    grant: Grant,
    issued_at: Timestamp,
    expires_at: Timestamp,
    granted_at: Option<Timestamp>,
    kind: &'static str,
    /// The generation of a refresh token.
    generation: Option<u64>,
}

fn open(app: &App, unverified: &str) -> Option<Opened> {
    let access = app.keys.open(unverified).map(|token: AccessToken| Opened {
        grant: token.grant,
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        granted_at: token.granted_at,
        kind: "Bearer",
        generation: None,
    });
    let opened = access.or_else(|_| {
        app.keys.open(unverified).map(|token: RefreshToken| Opened {
            grant: token.grant,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            granted_at: token.granted_at,
            kind: "refresh_token",
            generation: Some(token.generation),
        })
    });
    opened.ok()
}
