//! `POST /register`: dynamic client registration (RFC 7591).
//!
//! The server does not store registrations. The client id *is* the sealed registration, so it is
//! valid on every instance and after every restart, and a million registrations cost nothing.

use std::sync::Arc;

use axum::{Extension, Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::extractors::FormBody;
use crate::{
    base::dev_channel::ClientRegistered,
    oauth::{
        client::{AuthMethod, ClientKey, Registration, display_name},
        error::{ErrorCode, OAuthError},
        redirect_uri::RegisteredRedirectUri,
    },
    state::App,
};

pub(crate) const GRANT_TYPES: [&str; 2] = ["authorization_code", "refresh_token"];
const RESPONSE_TYPE: &str = "code";
/// Client ids are sent in URLs, and each contains all of its redirect URIs.
const MAX_REDIRECT_URIS: usize = 16;
const MAX_REDIRECT_URIS_LEN: usize = 4096;

/// The request of a client. Fields that have no effect here are ignored, as §2 requires.
#[derive(Deserialize)]
struct Request {
    redirect_uris: Option<Vec<String>>,
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
}

/// The response (§3.2.1).
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are RFC 7591's")]
struct Response {
    client_id: String,
    client_id_issued_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// 0 means never. Only present together with a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u64>,
    client_name: String,
    redirect_uris: Vec<RegisteredRedirectUri>,
    token_endpoint_auth_method: &'static str,
    grant_types: Vec<&'static str>,
    response_types: [&'static str; 1],
    scope: String,
}

pub(crate) async fn post(
    State(app): State<Arc<App>>,
    FormBody(body): FormBody,
) -> Result<impl IntoResponse, OAuthError> {
    let unverified: Request = serde_json::from_slice(&body)
        .map_err(|error| bad_metadata(format!("the body is not valid client metadata: {error}")))?;
    let grant_types = grant_types(unverified.grant_types.as_deref())?;
    check_response_types(unverified.response_types.as_deref())?;
    let registration = Registration {
        name: display_name(unverified.client_name.as_deref().unwrap_or_default()),
        redirect_uris: redirect_uris(unverified.redirect_uris.as_deref().unwrap_or_default())?,
        auth_method: auth_method(
            app.clients.methods(),
            unverified.token_endpoint_auth_method.as_deref(),
        )?,
        issued_at: app.now(),
    };
    let redirect_uri = unverified
        .redirect_uris
        .and_then(|uris| uris.into_iter().next());
    let id = app.keys.seal(&registration)?;
    let key = ClientKey::of(&id);
    tracing::info!(client = ?key, name = %registration.name, "client registered");
    let secret = registration.secret(&id, &app.keys);
    let response = Response {
        client_id: id,
        client_id_issued_at: registration.issued_at.0,
        client_secret_expires_at: secret.as_ref().map(|_| 0),
        client_secret: secret,
        client_name: registration.name,
        redirect_uris: registration.redirect_uris,
        token_endpoint_auth_method: registration.auth_method.as_str(),
        grant_types,
        response_types: [RESPONSE_TYPE],
        scope: app.scopes.supported().to_string(),
    };
    let registered = Extension(ClientRegistered {
        name: response.client_name.clone(),
        redirect_uri: redirect_uri.unwrap_or_default(),
    });
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, registered, headers, Json(response)))
}

fn bad_metadata(description: String) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClientMetadata, description)
}

/// Refuses all redirect URIs if one of them is invalid. A client that registered fewer URIs than it
/// asked for would fail later, where the reason is hard to find.
fn redirect_uris(unverified: &[String]) -> Result<Vec<RegisteredRedirectUri>, OAuthError> {
    let bad = |description| OAuthError::new(ErrorCode::InvalidRedirectUri, description);
    if unverified.is_empty() {
        return Err(bad("redirect_uris is missing or empty".to_owned()));
    }
    let total: usize = unverified.iter().map(String::len).sum();
    if unverified.len() > MAX_REDIRECT_URIS || total > MAX_REDIRECT_URIS_LEN {
        return Err(bad(format!(
            "at most {MAX_REDIRECT_URIS} redirect URIs can be registered, with \
             {MAX_REDIRECT_URIS_LEN} characters in total"
        )));
    }
    let parse = |(index, uri): (usize, &String)| {
        RegisteredRedirectUri::parse(uri)
            .map_err(|error| bad(format!("redirect_uris[{index}] {error}")))
    };
    unverified.iter().enumerate().map(parse).collect()
}

/// Returns the requested method. If it is omitted, the method is `client_secret_basic` (§2).
fn auth_method(allowed: &[AuthMethod], unverified: Option<&str>) -> Result<AuthMethod, OAuthError> {
    let Some(name) = unverified else {
        return Ok(AuthMethod::SecretBasic);
    };
    let found = allowed
        .iter()
        .copied()
        .find(|method| method.as_str() == name);
    found.ok_or_else(|| {
        let names: Vec<_> = allowed.iter().map(|method| method.as_str()).collect();
        let names = names.join(", ");
        bad_metadata(format!("token_endpoint_auth_method must be one of {names}"))
    })
}

/// Keeps the supported grant types. The client learns from the response which ones (§2 lets the
/// server replace values).
fn grant_types(unverified: Option<&[String]>) -> Result<Vec<&'static str>, OAuthError> {
    let Some(asked) = unverified else {
        return Ok(GRANT_TYPES.to_vec());
    };
    let [code, refresh] = GRANT_TYPES;
    if !asked.iter().any(|name| name == code) {
        return Err(bad_metadata(format!("grant_types must contain {code}")));
    }
    let with_refresh = asked.iter().any(|name| name == refresh);
    Ok(if with_refresh {
        GRANT_TYPES.to_vec()
    } else {
        vec![code]
    })
}

fn check_response_types(unverified: Option<&[String]>) -> Result<(), OAuthError> {
    match unverified {
        Some(asked) if !asked.iter().any(|name| name == RESPONSE_TYPE) => Err(bad_metadata(
            format!("response_types must contain {RESPONSE_TYPE}"),
        )),
        _ => Ok(()),
    }
}
