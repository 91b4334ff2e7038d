//! `GET /health`: whether the process answers, for platforms and people.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::app::App;

/// Touches nothing but memory, so that a slow ledger does not get instances killed.
pub(crate) async fn get(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "status": "ok", "base_url": app.bases.primary().as_str() }))
}
