//! Dynamic client registration.

use std::sync::Arc;

use axum::{
    Json,
    extract::State as Extract,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use url::Url;

use super::{
    Fault, Vulnerability,
    state::{self, Client, State},
};

pub async fn register(Extract(state): Extract<Arc<State>>, Json(body): Json<Value>) -> Response {
    if state.has(Fault::RegistrationRefused) || state.has(Fault::HostileStrings) {
        return refuse(&state.text("only https redirect URIs"));
    }
    if state.has(Fault::RegistrationWithoutId) {
        return (StatusCode::CREATED, Json(json!({"client_name": "x"}))).into_response();
    }
    if let Some(refusal) = refusal(&state) {
        return refusal;
    }
    let uris: Vec<String> = body["redirect_uris"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|uri| Some(uri.as_str()?.to_owned()))
        .collect();
    if uris.is_empty() || !uris.iter().all(|uri| is_acceptable(&state, uri)) {
        return refuse("the redirect URI is not accepted");
    }
    if state.is_vulnerable_to(Vulnerability::FetchesLogos)
        && let Some(logo) = body["logo_uri"].as_str()
    {
        state::fetch(logo).await;
    }
    let method = body["token_endpoint_auth_method"]
        .as_str()
        .unwrap_or("none")
        .to_owned();
    let is_offered = state.settings.methods.contains(&method.as_str());
    if method == "none" && !is_offered && !state.is_vulnerable_to(Vulnerability::PublicClients) {
        let error = json!({"error": "invalid_client_metadata"});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let id = state.fresh("client");
    let secret = (method != "none").then(|| state.fresh("secret%:+ü"));
    let client = Client {
        name: body["client_name"].as_str().unwrap_or("?").to_owned(),
        secret: secret.clone(),
        method,
        redirect_uris: uris,
    };
    {
        let mut memory = state.memory();
        memory.registrations.push(body.clone());
        memory.clients.insert(id.clone(), client);
    }
    let mut answer = body;
    answer["client_id"] = json!(id);
    if let Some(secret) = secret {
        answer["client_secret"] = json!(secret);
        answer["client_secret_expires_at"] = json!(0);
    }
    match state.settings.fault {
        Some(Fault::RegistrationWithNulls) => {
            answer["grant_types"] = Value::Null;
            answer["client_uri"] = Value::Null;
        }
        Some(Fault::RegistrationWithoutUris) => {
            answer
                .as_object_mut()
                .expect("an object")
                .remove("redirect_uris");
        }
        _ => {}
    }
    (StatusCode::CREATED, Json(answer)).into_response()
}

/// Returns the response of a server that refuses registration for a reason that the client cannot
/// change.
fn refusal(state: &State) -> Option<Response> {
    let (status, error, description) = match state.settings.fault? {
        Fault::RegistrationNeedsToken => (
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "Initial access token required",
        ),
        Fault::RegistrationForbidden => (
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            "Policy 'Trusted Hosts' rejected request to client-registration service. Details: URI \
             doesn't match any trusted host",
        ),
        Fault::RegistrationLimited => (
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many registrations from this address",
        ),
        Fault::RegistrationError500 => {
            return Some((StatusCode::INTERNAL_SERVER_ERROR, "no database").into_response());
        }
        _ => return None,
    };
    let body = Json(json!({"error": error, "error_description": description}));
    let mut response = (status, body).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let after = header::HeaderValue::from_static("3600");
        response.headers_mut().insert(header::RETRY_AFTER, after);
    }
    Some(response)
}

fn refuse(description: &str) -> Response {
    let error = json!({"error": "invalid_redirect_uri", "error_description": description});
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}

fn is_acceptable(state: &State, uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else {
        return false;
    };
    let fragment =
        url.fragment().is_some() && !state.is_vulnerable_to(Vulnerability::RegisterFragment);
    let local = ["localhost", "127.0.0.1"].contains(&url.host_str().unwrap_or_default());
    let scheme = match url.scheme() {
        "https" => true,
        "http" => local || state.is_vulnerable_to(Vulnerability::RegisterPlainHttp),
        "javascript" => state.is_vulnerable_to(Vulnerability::RegisterScript),
        _ => url.has_host(),
    };
    scheme && !fragment
}
