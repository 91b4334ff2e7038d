//! Checks of `Host` and `Origin`: which name of this server a request was sent to, and which page
//! sent it.
//!
//! Both checks prevent DNS rebinding, where a page of another site reaches a server on this machine
//! (MCP transports, security warning). `Host` also decides which issuer the response names.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use url::Url;

use super::extractors::peer;
use crate::{
    net::{addresses::is_loopback_url, client_ip::ClientIp},
    oauth::base_url::BaseUrl,
    state::App,
};

/// Accepts a request to one of this server's hosts, and adds its [`BaseUrl`] as an extension.
pub(crate) async fn check_host(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = peer(request.extensions());
    match named(&app, peer, request.headers()) {
        Ok(base) => {
            let base = base.into_owned();
            request.extensions_mut().insert::<BaseUrl>(base);
            next.run(request).await
        }
        Err(refusal) => *refusal,
    }
}

/// Returns the base URL that a request was sent to. Returns an error response for an unknown host,
/// or if the host does not accept the client's machine.
#[inline]
pub fn named<'a>(
    app: &'a App,
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
) -> Result<Cow<'a, BaseUrl>, Box<Response>> {
    let unverified_host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let base = app.bases.for_host(unverified_host).ok_or_else(|| {
        tracing::warn!(host = ?unverified_host, "request for an unknown host");
        let known = app.bases.primary();
        Box::new(refuse(&format!(
            "this server is {known}; if that is not its public URL, set BASE_URL, or add the host to MCPO_HOSTS"
        )))
    })?;
    if base.is_loopback() {
        check_is_local(app, ClientIp::of(peer, headers, &app.trusted_proxies))?;
    }
    Ok(base)
}

/// `Host` is the client's to choose, so a loopback name alone does not show that a request was made
/// on this machine: its source address does.
fn check_is_local(app: &App, client: ClientIp) -> Result<(), Box<Response>> {
    if client.is_remote() {
        tracing::warn!(%client, "request from another machine for a loopback URL");
        return Err(Box::new(refuse(
            "only this machine can use this server; to let others in, set BASE_URL to a public https \
             URL. Behind a proxy or in a container, also set MCPO_TRUSTED_PROXIES",
        )));
    }
    if client.is_unknown() && app.is_open() {
        tracing::error!("the application does not pass on the client address");
        return Err(Box::new(refuse(
            "this server does not know whether the request was made on this machine; serve the \
             router with into_make_service_with_connect_info::<SocketAddr>()",
        )));
    }
    Ok(())
}

/// Accepts a request to `/mcp` without an `Origin`, or from an origin of this server, of the user's
/// own machine, or on the configured list.
#[inline]
pub fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let Some(unverified_origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let allowed = unverified_origin.to_str().is_ok_and(|origin| {
        app.bases.is_own_origin(origin)
            || app.allowed_origins.iter().any(|known| known == origin)
            || Url::parse(origin).is_ok_and(|url| is_loopback_url(&url))
    });
    if allowed {
        return Ok(());
    }
    tracing::warn!(origin = ?unverified_origin, "request from an origin that is not allowed");
    let what =
        "pages of this origin may not call this server; add the origin to MCPO_ALLOWED_ORIGINS";
    Err(Box::new(refuse(what)))
}

fn refuse(description: &str) -> Response {
    let body = serde_json::json!({ "error": "forbidden", "error_description": description });
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}
