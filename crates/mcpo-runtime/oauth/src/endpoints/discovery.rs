//! Serves the discovery documents that a client reads first (RFC 9728, RFC 8414).

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;

use super::{navigation::for_program, register, site};
use crate::{
    oauth::{base_url::BaseUrl, client::AuthMethod, paths, scope::OFFLINE_ACCESS},
    state::App,
};

/// Protected resource metadata (RFC 9728 §2).
#[derive(Serialize)]
struct ResourceMetadata<'a> {
    resource: String,
    authorization_servers: [&'a str; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'a str,
}

/// Authorization server metadata (RFC 8414 §2).
#[derive(Serialize)]
struct ServerMetadata<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    registration_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    scopes_supported: Vec<&'a str>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    client_id_metadata_document_supported: bool,
}

/// Serves the same document at the path of `/mcp` and at the root, which clients try second.
///
/// It does not contain `offline_access`: refresh tokens are not the concern of the resource.
pub(crate) async fn resource_metadata(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
) -> Response {
    let supported = app.scopes.supported();
    let supported = app.asked_for(&supported);
    let metadata = ResourceMetadata {
        resource: base.resource(),
        authorization_servers: [app
            .external
            .as_ref()
            .map_or(base.as_str(), |external| external.issuer())],
        scopes_supported: supported.iter().collect(),
        bearer_methods_supported: ["header"],
        resource_name: app.pages.service(),
    };
    document(&metadata)
}

/// Serves the same document under its OAuth name and its OpenID name.
pub(crate) async fn server_metadata(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
) -> Response {
    let methods = || {
        app.clients
            .methods()
            .iter()
            .map(|method| method.as_str())
            .collect()
    };
    let supported = app.scopes.supported();
    let metadata = ServerMetadata {
        issuer: base.as_str(),
        authorization_endpoint: base.join(paths::AUTHORIZE),
        token_endpoint: base.join(paths::TOKEN),
        registration_endpoint: base.join(paths::REGISTER),
        revocation_endpoint: base.join(paths::REVOKE),
        introspection_endpoint: base.join(paths::INTROSPECT),
        scopes_supported: supported.iter().chain([OFFLINE_ACCESS]).collect(),
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: register::GRANT_TYPES,
        token_endpoint_auth_methods_supported: methods(),
        revocation_endpoint_auth_methods_supported: methods(),
        introspection_endpoint_auth_methods_supported: [
            AuthMethod::SecretBasic.as_str(),
            AuthMethod::SecretPost.as_str(),
        ],
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: app.clients.reads_documents(),
    };
    document(&metadata)
}

/// Refuses `/mcp/` with the right URL. Clients compare the URL that the user typed with the one in
/// the metadata (RFC 9728 §3.3), so serving `/mcp/` would only postpone the error.
pub(crate) async fn not_the_endpoint(
    State(app): State<Arc<App>>,
    Extension(base): Extension<BaseUrl>,
    request: Request,
) -> Response {
    if let Some(page) = site::trailing_slash(&app, &base, &request) {
        return page;
    }
    let description = format!(
        "the MCP endpoint of this server is {}, without a trailing slash",
        base.resource()
    );
    let body = json!({ "error": "not_found", "error_description": description });
    for_program(request.method(), (StatusCode::NOT_FOUND, Json(body)))
}

fn document<T: Serialize>(metadata: &T) -> Response {
    // The document depends on the host name of the request. A changed setting is visible within
    // minutes.
    (
        [
            (header::CACHE_CONTROL, "public, max-age=300"),
            (header::VARY, "Host"),
        ],
        Json(metadata),
    )
        .into_response()
}
