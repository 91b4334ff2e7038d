//! Defines all endpoints except for `/mcp`, in the order in which a client uses them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::MethodRouter,
};
use http::{HeaderName, Method, header};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use super::{
    authorize, callback, consent, discovery, domain_verification, health, host_guard, introspect,
    methods::{any, get, post},
    rate_limit, register, revoke, sign_in, site, token,
};
use crate::{base::request_log::RequestLog, oauth::paths, pages::ICON_PATHS, state::App};

/// Returns the endpoints, which need the state. `has_whole_site` is false if the router becomes part
/// of another application, which has its own pages at `/` and at unknown paths.
pub fn router(app: &Arc<App>, has_whole_site: bool) -> Router<Arc<App>> {
    let described = Router::new()
        .route(paths::RESOURCE_METADATA, get(discovery::resource_metadata))
        .route(
            paths::RESOURCE_METADATA_ROOT,
            get(discovery::resource_metadata),
        )
        .route(paths::OPENAI_CHALLENGE, get(domain_verification::openai))
        .route(paths::MCP_WITH_SLASH, any(discovery::not_the_endpoint))
        .layer(cors());
    let described = match app.external {
        // A server that trusts another authorization server is not one itself.
        Some(_) => described,
        None => described.merge(authorization_server(app)),
    };
    let described = if has_whole_site {
        described.merge(site())
    } else {
        described
    };
    described
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            host_guard::check_host,
        ))
        // Health checks of a platform use an IP address, not the server's host name.
        .route(paths::HEALTH, get(health::get))
        .layer(middleware::from_fn(log_request))
}

/// Returns the pages that are not part of a sign-in. Clients in other pages may read the 404 of a
/// path that does not exist: they look for metadata at several paths.
fn site() -> Router<Arc<App>> {
    let [ico, svg] = ICON_PATHS;
    Router::new()
        .route(ico, get(site::icon))
        .route(svg, get(site::icon))
        .fallback(site::fallback)
        .layer(cors())
}

/// Returns the endpoints through which clients and users get a token.
fn authorization_server(app: &Arc<App>) -> Router<Arc<App>> {
    let pages = Router::new()
        .route(paths::AUTHORIZE, get(authorize::get))
        .route(
            paths::SIGN_IN,
            post(sign_in::post).merge(get(site::form_without_request)),
        )
        .route(
            paths::CONSENT,
            post(consent::post).merge(get(site::form_without_request)),
        );
    let pages = match app.login.provider() {
        Some(provider) => pages.route(provider.callback, get(callback::get)),
        None => pages,
    };

    let with_limit = |handlers: MethodRouter<Arc<App>>| {
        let limit = middleware::from_fn_with_state(Arc::clone(app), rate_limit::refusals);
        handlers.layer(limit)
    };
    let registrations = middleware::from_fn_with_state(Arc::clone(app), rate_limit::registrations);
    let machines = Router::new()
        .route(paths::SERVER_METADATA, get(discovery::server_metadata))
        .route(paths::OPENID_CONFIGURATION, get(discovery::server_metadata))
        .route(paths::REGISTER, post(register::post).layer(registrations))
        .route(paths::TOKEN, with_limit(post(token::post)))
        .route(paths::REVOKE, with_limit(post(revoke::post)))
        .route(paths::INTROSPECT, with_limit(post(introspect::post)));

    pages.merge(machines.layer(cors()))
}

/// Lets pages of all origins call these endpoints: they do not use cookies. The headers that a
/// browser-based client needs are exposed.
pub fn cors() -> CorsLayer {
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

/// Middleware that assigns a request id and logs the result.
async fn log_request(request: Request, next: Next) -> Response {
    let log = RequestLog::new(&request, paths::step(request.uri().path()));
    let response = log.run(next.run(request)).await;
    log.end(response)
}
