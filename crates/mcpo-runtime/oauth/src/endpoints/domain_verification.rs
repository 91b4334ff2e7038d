//! `GET /.well-known/openai-apps-challenge`: shows to ChatGPT that the owner of the domain submits
//! this server (`OpenAI` plugin submission, domain verification).

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};

use crate::state::App;

/// Serves the exact token as plain text, without a line break; 404 if no token is set.
pub(crate) async fn openai(State(app): State<Arc<App>>) -> Response {
    let Some(token) = app.openai_challenge.clone() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // The token changes with each submission.
    ([(header::CACHE_CONTROL, "no-store")], token).into_response()
}
