//! Bodies that come in more pieces than any client sends.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State as Extract},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;

use super::{Hole, state::State};

/// More than any client's body has.
const PIECES: usize = 1_000;

/// Reads the body, and refuses it when it comes in too many pieces.
pub async fn limit(Extract(state): Extract<Arc<State>>, request: Request, next: Next) -> Response {
    if state.is_open_to(Hole::TricklingBody) || state.is_open_to(Hole::LargeTokenRequest) {
        return next.run(request).await;
    }
    let (head, mut body) = request.into_parts();
    let mut whole = Vec::new();
    let mut pieces = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.ok().and_then(|frame| frame.into_data().ok());
        whole.extend_from_slice(&data.unwrap_or_else(Bytes::new));
        pieces += 1;
        if pieces > PIECES || whole.len() > 64 * 1024 {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
    }
    next.run(Request::from_parts(head, Body::from(whole))).await
}
