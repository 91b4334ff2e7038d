//! Revisions of a service: made from its template, listed, deleted.

use serde_json::{Value, json};

use super::{
    super::{
        Cloud,
        error::{Answer, ApiError},
        state::{State, timestamp},
    },
    short,
};

/// The fields that a revision has from the template of its service.
const OF_THE_TEMPLATE: &[&str] = &[
    "annotations",
    "containers",
    "encryptionKey",
    "executionEnvironment",
    "labels",
    "maxInstanceRequestConcurrency",
    "nodeSelector",
    "scaling",
    "serviceAccount",
    "sessionAffinity",
    "timeout",
    "volumes",
    "vpcAccess",
];

/// Returns a revision that is starting.
pub fn new(name: &str, revision: &str, service: &Value) -> Value {
    let template = &service["template"];
    let mut made = json!({
        "name": format!("{name}/revisions/{revision}"),
        "service": short(name),
        "createTime": timestamp(),
        "reconciling": true,
        "conditions": [{ "type": "Ready", "state": "CONDITION_RECONCILING" }],
        "logUri": format!("https://console.cloud.google.com/logs/viewer?revision={revision}"),
    });
    for field in OF_THE_TEMPLATE {
        if !template[field].is_null() {
            made[field] = template[field].clone();
        }
    }
    made
}

/// Lists the revisions, newest first.
pub fn list(state: &State, service: &str) -> Value {
    let prefix = format!("{service}/revisions/");
    let mut found: Vec<_> = state
        .resources
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(_, revision)| revision.clone())
        .collect();
    found.sort_by_key(|revision| {
        revision["createTime"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    found.reverse();
    json!({ "revisions": found })
}

/// Deletes a revision that cannot get requests and is not the latest one.
/// <https://cloud.google.com/run/docs/managing/revisions#delete>
pub fn delete(cloud: &Cloud, name: &str) -> Answer {
    let mut state = cloud.state();
    let mut last = state.get(name)?;
    let (service_name, revision) = name.split_once("/revisions/").unwrap_or((name, ""));
    let service = state.get(service_name)?;
    let is_named = |field: &str| {
        let mut targets = service[field].as_array().into_iter().flatten();
        targets.any(|target| target["revision"] == revision)
    };
    let why = if ["latestCreatedRevision", "latestReadyRevision"]
        .iter()
        .any(|field| service[field] == name)
    {
        "is the latest revision of its service"
    } else if is_named("traffic") || is_named("trafficStatuses") {
        "can receive traffic"
    } else {
        let location = name.split("/services/").next().unwrap_or_default();
        state.delete(name)?;
        state.containers.remove(name);
        last["@type"] = "type.googleapis.com/google.cloud.run.v2.Revision".into();
        return Ok(state.operation(location, json!({ "done": true, "response": last })));
    };
    let message = format!("Revision '{revision}' cannot be deleted: it {why}.");
    Err(ApiError::failed_precondition(message))
}
