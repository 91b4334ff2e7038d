//! `POST /introspect`: whether a token is good, for clients that can prove who they are
//! (RFC 7662).

use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::{
    app::App,
    client::ProvenClient,
    clock::Timestamp,
    grant::{AccessToken, Grant, RefreshToken},
    live::is_live,
    oauth_error::OAuthError,
    params::Params,
    request_body::FormBody,
    token,
};

/// A client learns about its own tokens only; about every other one it learns that it is not
/// active, which says nothing (§2.2).
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    FormBody(body): FormBody,
) -> Result<impl IntoResponse, OAuthError> {
    let params = Params::parse(&body)?;
    let client = token::authenticate(&app, &headers, &params)?;
    if !client.has_secret {
        return Err(OAuthError::invalid_client(
            "introspection needs a client with a secret",
        ));
    }
    let answer = describe(&app, &client, params.require("token")?).await;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

async fn describe(app: &App, client: &ProvenClient, unverified: &str) -> Value {
    let inactive = json!({ "active": false });
    let Some(token) = open(app, unverified) else {
        return inactive;
    };
    let now = app.now();
    if token.expires_at <= now
        || !token.grant.belongs_to(client)
        || !token.grant.person.is_current(&app.epochs)
        || !is_live(app, token.grant.id, now).await
    {
        return inactive;
    }
    json!({
        "active": true,
        "scope": token.grant.scopes.to_string(),
        "client_id": client.id,
        "sub": token.grant.person.subject,
        "aud": token.grant.resource,
        "iss": app.bases.primary().as_str(),
        "iat": token.issued_at.0,
        "exp": token.expires_at.0,
        "token_type": token.kind,
    })
}

struct Opened {
    grant: Grant,
    issued_at: Timestamp,
    expires_at: Timestamp,
    kind: &'static str,
}

fn open(app: &App, unverified: &str) -> Option<Opened> {
    let access = app.keys.open(unverified).map(|token: AccessToken| Opened {
        grant: token.grant,
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        kind: "Bearer",
    });
    let opened = access.or_else(|_| {
        app.keys.open(unverified).map(|token: RefreshToken| Opened {
            grant: token.grant,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            kind: "refresh_token",
        })
    });
    opened.ok()
}
