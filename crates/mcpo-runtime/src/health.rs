//! `GET /health`: whether the process answers, for platforms and people.

use axum::Json;
use serde_json::{Value, json};

/// Touches nothing but memory, so that a slow ledger does not get instances killed. It answers under
/// any `Host`, so it names nothing.
pub(crate) async fn get() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
