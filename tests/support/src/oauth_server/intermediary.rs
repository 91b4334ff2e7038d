//! Responses of what is in front of a server: bot checks and gateways.

use std::sync::Arc;

use axum::{
    extract::{Request, State as Extract},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Fault, state::State};

const BOT_CHECK: &str = "<!DOCTYPE html><html><head><title>Just a moment...</title></head>\
    <body>Enable JavaScript and cookies to continue</body></html>";

const CLOUD_RUN: &str = "<html><head><title>403 Forbidden</title></head><body><h1>Error: Forbidden\
    </h1><h2>Your client does not have permission to get URL <code>/mcp</code> from this server.\
    </h2></body></html>";

const UNAVAILABLE: &str = "<html><head><title>503 Service Unavailable</title></head><body>Try again \
    later.</body></html>";

/// Responds instead of the server where the fault says so.
pub async fn respond(
    Extract(state): Extract<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    match state.settings.fault {
        Some(Fault::BotCheckOnEndpoint) if path == "/mcp" => bot_check(),
        Some(Fault::BotCheckOnMetadata)
            if path.starts_with("/.well-known/oauth-authorization-server") =>
        {
            bot_check()
        }
        Some(Fault::BotCheckOnPage) if path == "/authorize" => bot_check(),
        Some(Fault::BotCheckOnToken) if path == "/token" => bot_check(),
        Some(Fault::CloudRunForbids) if path == "/mcp" => {
            let server = [(header::SERVER, "Google Frontend")];
            page(StatusCode::FORBIDDEN, server, CLOUD_RUN)
        }
        Some(Fault::UnknownGatewayPage) if path == "/register" => {
            let server = [(header::SERVER, "cloudflare")];
            page(StatusCode::SERVICE_UNAVAILABLE, server, UNAVAILABLE)
        }
        _ => next.run(request).await,
    }
}

fn bot_check() -> Response {
    let server = [(header::SERVER, "cloudflare")];
    let mut response = page(StatusCode::FORBIDDEN, server, BOT_CHECK);
    let challenge = header::HeaderValue::from_static("challenge");
    response.headers_mut().insert("cf-mitigated", challenge);
    response
}

fn page(
    status: StatusCode,
    server: [(header::HeaderName, &'static str); 1],
    body: &'static str,
) -> Response {
    let html = [(header::CONTENT_TYPE, "text/html; charset=UTF-8")];
    (status, server, html, body).into_response()
}
