//! Which of our names a request was sent to, and which page sent it.
//!
//! Both checks keep a page elsewhere from reaching a server on this machine by DNS rebinding
//! (MCP transports, security warning), and `Host` decides which issuer the answer names.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use url::{Host, Url};

use crate::{app::App, base_url::BaseUrl};

/// Lets a request through that names one of our hosts, with its [`BaseUrl`] as an extension.
pub(crate) async fn check_host(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    match named(&app, request.headers()) {
        Ok(base) => {
            let base = base.clone();
            request.extensions_mut().insert::<BaseUrl>(base);
            next.run(request).await
        }
        Err(refusal) => *refusal,
    }
}

/// Which of our names a request was sent to, or the answer to one that was sent to another.
pub(crate) fn named<'a>(app: &'a App, headers: &HeaderMap) -> Result<&'a BaseUrl, Box<Response>> {
    let unverified_host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    app.bases.for_host(unverified_host).ok_or_else(|| {
        tracing::warn!(host = ?unverified_host, "request for a host that is not this server's");
        let known = app.bases.primary();
        Box::new(refuse(&format!(
            "this server is {known}; if that is not its public URL, set BASE_URL"
        )))
    })
}

/// Lets a request to `/mcp` through that comes from no page, one of ours, one on this person's
/// own machine, or one that is allowed by configuration.
pub(crate) fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let Some(unverified_origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let allowed = unverified_origin.to_str().is_ok_and(|origin| {
        app.bases.is_own_origin(origin)
            || app.allowed_origins.iter().any(|known| known == origin)
            || is_loopback_origin(origin)
    });
    if allowed {
        return Ok(());
    }
    tracing::warn!(origin = ?unverified_origin, "request from a page that is not allowed");
    let what = "pages of this origin may not call this server; MCPO_ALLOWED_ORIGINS allows more";
    Err(Box::new(refuse(what)))
}

fn is_loopback_origin(unverified_origin: &str) -> bool {
    let Ok(url) = Url::parse(unverified_origin) else {
        return false;
    };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn refuse(description: &str) -> Response {
    let body = serde_json::json!({ "error": "forbidden", "error_description": description });
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}
