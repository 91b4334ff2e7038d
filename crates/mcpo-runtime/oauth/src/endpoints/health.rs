//! `GET /health`: shows that the process responds, for platforms and operators.

use axum::Json;
use serde_json::{Value, json};

/// Returns a fixed response. It uses only memory, so that a slow ledger does not make the platform
/// stop instances. It is served for any `Host`, so it does not reveal any name.
pub(crate) async fn get() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
