//! Defines all endpoints of the server, in the order in which a client uses them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router, middleware,
    routing::{MethodRouter, any, get, post},
};
use http::{HeaderName, Method, header};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::{
    app::App, authorize, callback, consent, discovery, health, host, introspect, limits, mcp,
    register, revoke, sign_in, token, trail,
};

/// The MCP endpoint, which is also the protected resource.
pub(crate) const MCP: &str = "/mcp";
/// A frequent typing error.
const MCP_WITH_SLASH: &str = "/mcp/";
pub(crate) const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
pub(crate) const RESOURCE_METADATA_ROOT: &str = "/.well-known/oauth-protected-resource";
pub(crate) const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";
pub(crate) const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
pub(crate) const REGISTER: &str = "/register";
pub(crate) const AUTHORIZE: &str = "/authorize";
pub(crate) const SIGN_IN: &str = "/sign-in";
pub(crate) const CONSENT: &str = "/consent";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const REVOKE: &str = "/revoke";
pub(crate) const INTROSPECT: &str = "/introspect";
pub(crate) const HEALTH: &str = "/health";

pub(crate) fn router(app: &Arc<App>, mcp: mcp::Endpoint) -> Router {
    let described = Router::new()
        .route(RESOURCE_METADATA, get(discovery::resource_metadata))
        .route(RESOURCE_METADATA_ROOT, get(discovery::resource_metadata))
        .route(MCP_WITH_SLASH, any(discovery::not_the_endpoint))
        .layer(cors());
    let described = match app.external {
        // A server that trusts another authorization server is not one itself.
        Some(_) => described,
        None => described.merge(authorization_server(app)),
    };
    described
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            host::check_host,
        ))
        // Health checks of a platform use an IP address, not the server's host name.
        .route(HEALTH, get(health::get))
        .layer(middleware::from_fn(trail::follow))
        // The endpoint has its own copy of these layers.
        .route_service(MCP, mcp)
        .with_state(Arc::clone(app))
}

/// Returns the endpoints through which clients and users get a token.
fn authorization_server(app: &Arc<App>) -> Router<Arc<App>> {
    let pages = Router::new()
        .route(AUTHORIZE, get(authorize::get))
        .route(SIGN_IN, post(sign_in::post))
        .route(CONSENT, post(consent::post));
    let pages = match app.login.provider() {
        Some(provider) => pages.route(provider.callback, get(callback::get)),
        None => pages,
    };

    let with_limit = |handlers: MethodRouter<Arc<App>>| {
        let limit = middleware::from_fn_with_state(Arc::clone(app), limits::refusals);
        handlers.layer(limit)
    };
    let registrations = middleware::from_fn_with_state(Arc::clone(app), limits::registrations);
    let machines = Router::new()
        .route(SERVER_METADATA, get(discovery::server_metadata))
        .route(OPENID_CONFIGURATION, get(discovery::server_metadata))
        .route(REGISTER, post(register::post).layer(registrations))
        .route(TOKEN, with_limit(post(token::post)))
        .route(REVOKE, with_limit(post(revoke::post)))
        .route(INTROSPECT, with_limit(post(introspect::post)));

    pages.merge(machines.layer(cors()))
}

/// Lets pages of all origins call these endpoints: they do not use cookies. The headers that a
/// browser-based client needs are exposed.
pub(crate) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("mcp-session-id"),
            HeaderName::from_static("mcp-protocol-version"),
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(Duration::from_secs(24 * 60 * 60))
}
