//! The metadata documents of the resource and of the authorization server.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State as Extract,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use futures_util::stream;
use serde_json::{Value, json};

use super::{Fault, Vulnerability, state::State};

pub async fn resource(
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let base = &state.name(&headers, Vulnerability::ForwardedMetadata);
    let mut document = json!({
        "resource": format!("{base}/mcp"),
        "authorization_servers": [base],
        "scopes_supported": ["tools:read"],
        "bearer_methods_supported": ["header"],
    });
    if state.settings.old.is_some() || !state.publishes_metadata() {
        return StatusCode::NOT_FOUND.into_response();
    }
    match state.settings.fault {
        Some(Fault::NoResourceMetadata) => return StatusCode::NOT_FOUND.into_response(),
        Some(Fault::ResourceMetadataIsHtml) => return Html("<h1>Welcome</h1>").into_response(),
        Some(Fault::ResourceMetadataLoops) => {
            return Redirect::temporary(uri.path()).into_response();
        }
        Some(Fault::NoAuthorizationServers) => document["authorization_servers"] = json!([]),
        Some(Fault::ResourceMismatch) => document["resource"] = json!("https://other.example/mcp"),
        Some(Fault::ResourceMetadataWithNull) => {
            document["resource_documentation"] = Value::Null;
        }
        Some(Fault::AuthorizationServersIsText) => document["authorization_servers"] = json!(base),
        Some(Fault::ResourceIsOrigin) => document["resource"] = json!(base),
        Some(Fault::ResourceOnOtherPort) => document["resource"] = json!("http://127.0.0.1:1/mcp"),
        Some(Fault::EndlessBody) => return endless(),
        Some(Fault::SlowBody) => return slow_body(),
        _ => {}
    }
    Json(document).into_response()
}

pub async fn server(Extract(state): Extract<Arc<State>>) -> Response {
    let base = &state.base;
    let mut document = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "registration_endpoint": format!("{base}/register"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": state.settings.methods,
        "authorization_response_iss_parameter_supported": true,
    });
    if state.settings.documents {
        document["client_id_metadata_document_supported"] = json!(true);
    }
    if state.settings.documents_only {
        document["client_id_metadata_document_supported"] = json!(true);
        remove(&mut document, "registration_endpoint");
    }
    if state.settings.old == Some(true) || !state.publishes_metadata() {
        return StatusCode::NOT_FOUND.into_response();
    }
    if state.is_vulnerable_to(Vulnerability::PublicClients) {
        let with_secret = json!(["client_secret_basic", "client_secret_post"]);
        document["token_endpoint_auth_methods_supported"] = with_secret;
    }
    match state.settings.fault {
        Some(Fault::NoServerMetadata) => return StatusCode::NOT_FOUND.into_response(),
        Some(Fault::ServerMetadata500) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response();
        }
        Some(Fault::WrongIssuer) => document["issuer"] = json!("https://evil.example"),
        Some(Fault::IssuerWithSlash) => document["issuer"] = json!(format!("{base}/")),
        Some(Fault::NoPkce) => remove(&mut document, "code_challenge_methods_supported"),
        Some(Fault::PlainPkce) => document["code_challenge_methods_supported"] = json!(["plain"]),
        Some(Fault::InsecureEndpoint) => {
            document["token_endpoint"] = json!("http://example.com/token");
        }
        Some(Fault::WantsIdTwice) => {
            document["token_endpoint_auth_methods_supported"] = json!(["client_secret_basic"]);
        }
        Some(Fault::ServerMetadataWithoutResponseTypes) => {
            remove(&mut document, "response_types_supported");
        }
        Some(Fault::ServerMetadataWithNull) => {
            document["scopes_supported"] = Value::Null;
            document["revocation_endpoint"] = Value::Null;
        }
        Some(Fault::PkceIsText) => document["code_challenge_methods_supported"] = json!("S256"),
        Some(Fault::NoTokenEndpoint) => remove(&mut document, "token_endpoint"),
        Some(Fault::NoRegistration) => remove(&mut document, "registration_endpoint"),
        _ => {}
    }
    Json(document).into_response()
}

fn remove(document: &mut Value, key: &str) {
    document.as_object_mut().expect("a document").remove(key);
}

fn endless() -> Response {
    let chunk = Bytes::from(vec![b' '; 64 * 1024]);
    let body = Body::from_stream(stream::repeat_with(move || {
        Ok::<_, Infallible>(chunk.clone())
    }));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn slow_body() -> Response {
    let body = Body::from_stream(stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
    }));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
