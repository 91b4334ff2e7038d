//! Rejects bodies that arrive in more pieces than any client sends.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State as Extract},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;

use super::{Vulnerability, state::State};

/// More pieces than any client sends.
const PIECES: usize = 1_000;
/// More than any client sends, in bytes.
const LARGEST: usize = 64 * 1024;

/// Reads the whole body, and rejects the request if the body has too many pieces.
pub async fn limit(Extract(state): Extract<Arc<State>>, request: Request, next: Next) -> Response {
    if state.is_vulnerable_to(Vulnerability::TricklingBody) {
        return next.run(request).await;
    }
    let (head, mut body) = request.into_parts();
    let mut whole = Vec::new();
    let mut pieces = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.ok().and_then(|frame| frame.into_data().ok());
        whole.extend_from_slice(&data.unwrap_or_else(Bytes::new));
        pieces += 1;
        let is_large =
            whole.len() > LARGEST && !state.is_vulnerable_to(Vulnerability::LargeTokenRequest);
        if pieces > PIECES || is_large {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
    }
    next.run(Request::from_parts(head, Body::from(whole))).await
}
