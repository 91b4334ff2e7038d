//! Middleware that applies the limits of [`rate_limits`](crate::oauth::rate_limits).

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};

use crate::{
    net::client_ip::ClientIp,
    oauth::error::{ErrorCode, OAuthError},
    state::App,
};

/// Limits registrations.
pub(crate) async fn registrations(
    State(app): State<Arc<App>>,
    client: ClientIp,
    request: Request,
    next: Next,
) -> Response {
    if app
        .limits
        .registrations
        .allow(client.source(), Instant::now())
    {
        return next.run(request).await;
    }
    too_many(client, request.uri().path(), "too many registrations")
}

/// Limits refused requests. Above the limit, the response no longer contains the reason of the
/// refusal.
pub(crate) async fn refusals(
    State(app): State<Arc<App>>,
    client: ClientIp,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    if !response.status().is_client_error()
        || app.limits.refusals.allow(client.source(), Instant::now())
    {
        return response;
    }
    too_many(client, &path, "too many refused requests")
}

fn too_many(client: ClientIp, path: &str, what: &'static str) -> Response {
    tracing::warn!(%client, path, what, "rate limit reached");
    let description = format!("{what} from your address, try again in a moment");
    let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, description);
    let mut response = error.into_response();
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let wait = HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, wait);
    response
}
