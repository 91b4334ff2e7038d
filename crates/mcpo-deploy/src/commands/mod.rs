//! Actions on a deployed service: show its state, shift its traffic, delete it.

mod delete;
mod password;
mod shift_traffic;
mod status;

pub use self::{
    delete::delete,
    password::{read as read_password, show_password},
    shift_traffic::{promote, rollback},
    status::status,
};
use mcpo_common::error::{Failure, Outcome};

use crate::{
    context::Context,
    google::{ErrorContext as _, method},
};
use serde_json::Value;

/// Returns the service. Fails if it does not exist.
async fn existing(context: &Context<'_>) -> Outcome<Value> {
    let names = &context.names;
    let found = context
        .google
        .find(&method::SERVICE_GET, &format!("v2/{}", names.service()))
        .await;
    let found = found.during(format!("failed to read the service {}", names.service_id))?;
    found.ok_or_else(|| {
        Failure::new(format!(
            "service {} does not exist in {}",
            names.service_id, names.region
        ))
        .hint(format!("deploy it first: {}", context.invocation.with("")))
    })
}

/// Returns the service's revisions, newest first.
async fn revisions(context: &Context<'_>) -> Outcome<Vec<Value>> {
    let path = format!("v2/{}/revisions", context.names.service());
    let listed = context
        .google
        .list(&method::REVISIONS_LIST, &path, "revisions")
        .await;
    let mut revisions = listed.during("failed to list the revisions")?;
    revisions.sort_by(|a, b| b["createTime"].as_str().cmp(&a["createTime"].as_str()));
    Ok(revisions)
}

fn short(revision: &Value) -> String {
    let name = revision["name"].as_str().unwrap_or_default();
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Returns true if a revision ever became ready.
fn is_ready(revision: &Value) -> bool {
    let conditions = revision["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == "Ready" && condition["state"] == "CONDITION_SUCCEEDED"
    })
}
