//! Deletes revisions.

use serde_json::{Value, json};

use super::{
    super::{
        Cloud,
        error::{Answer, ApiError},
        state::State,
    },
    short,
};

const REVISION_TYPE: &str = "type.googleapis.com/google.cloud.run.v2.Revision";

/// Deletes a revision. Cloud Run refuses to delete a revision that can receive traffic, the only
/// one, or the latest one. <https://docs.cloud.google.com/run/docs/managing/revisions>
pub fn delete(cloud: &Cloud, name: &str) -> Answer {
    let mut state = cloud.state();
    let mut last = state.get(name)?;
    let (service, revision) = name.split_once("/revisions/").unwrap_or_default();
    if let Some(reason) = reason_to_keep(&state, service, revision) {
        let message = format!("Revision '{revision}' cannot be deleted: {reason}");
        return Err(ApiError::failed_precondition(message));
    }
    state.resources.remove(name);
    state.containers.remove(name);
    last["@type"] = REVISION_TYPE.into();
    let location = service.split("/services/").next().unwrap_or_default();
    Ok(state.operation(location, json!({ "done": true, "response": last })))
}

fn reason_to_keep(state: &State, service: &str, revision: &str) -> Option<&'static str> {
    let service = state.resources.get(service)?;
    let is_it = |name: &Value| name.as_str().is_some_and(|name| short(name) == revision);
    if is_it(&service["latestCreatedRevision"]) || is_it(&service["latestReadyRevision"]) {
        return Some("it is the latest revision of the service");
    }
    let lists = [&service["traffic"], &service["trafficStatuses"]];
    let mut targets = lists.into_iter().filter_map(Value::as_array).flatten();
    targets
        .any(|target| is_it(&target["revision"]))
        .then_some("it can receive traffic")
}
