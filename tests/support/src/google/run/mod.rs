//! Cloud Run: services, their revisions, and who gets the traffic.

mod public;
mod rollout;

use std::collections::BTreeSet;

use serde_json::{Value, json};

pub use self::public::serve as serve_public;
use super::{
    Cloud, builds,
    call::{Call, not_here},
    error::{Answer, ApiError},
    state::{State, timestamp},
};

/// `run`.
pub async fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let method = call.found.method.id.strip_prefix("run.projects.locations.");
    match method.unwrap_or_default() {
        "services.get" | "services.revisions.get" => cloud.state().get(&call.path("name")),
        "services.create" => {
            let id = call
                .query("serviceId")
                .ok_or_else(|| ApiError::new(400, "service_id is required"))?;
            let name = format!("{}/services/{id}", call.path("parent"));
            if cloud.state().resources.contains_key(&name) {
                return Err(ApiError::exists(&name));
            }
            write(cloud, &name, None, &call.body, call)
        }
        "services.patch" => {
            let name = call.path("name");
            let before = cloud.state().resources.get(&name).cloned();
            if before.is_none() && call.query("allowMissing") != Some("true") {
                return Err(ApiError::not_found(&name));
            }
            write(cloud, &name, before.as_ref(), &call.body, call)
        }
        "services.delete" => delete(cloud, &call.path("name")),
        "services.getIamPolicy" => Ok(cloud.state().policy(&call.path("resource"))),
        "services.setIamPolicy" => cloud
            .state()
            .set_policy(&call.path("resource"), call.body["policy"].clone()),
        "services.revisions.list" => Ok(revisions(&cloud.state(), &call.path("parent"))),
        "operations.get" => cloud.look_at_operation(&call.path("name")),
        "operations.wait" => wait(cloud, call).await,
        "builds.submit" => builds::submit(cloud, call),
        _ => Err(not_here(call)),
    }
}

async fn wait(cloud: &Cloud, call: &Call) -> Answer {
    let name = call.path("name");
    for _ in 0..200 {
        let operation = cloud.look_at_operation(&name)?;
        if operation["done"] == true {
            return Ok(operation);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    cloud.look_at_operation(&name)
}

/// Creates or changes a service: what can be checked at once is, the rest becomes an operation.
fn write(cloud: &Cloud, name: &str, before: Option<&Value>, body: &Value, call: &Call) -> Answer {
    let mut service = before.cloned().unwrap_or_else(|| json!({}));
    if let (Some(before), Some(etag)) = (before, body["etag"].as_str())
        && before["etag"] != etag
    {
        return Err(ApiError::aborted(name));
    }
    apply(&mut service, body, call.query("updateMask"))?;
    check(name, &service)?;
    if call.query("validateOnly") == Some("true") {
        return Ok(json!({ "name": "operations/validated", "done": true }));
    }
    let mut state = cloud.state();
    let is_new_revision = before.is_none_or(|before| before["template"] != service["template"]);
    let generation = service["generation"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
        + 1;
    let revision = if is_new_revision {
        let revision = name_revision(&state, name, &service, generation)?;
        service["latestCreatedRevision"] = format!("{name}/revisions/{revision}").into();
        state.resources.insert(
            format!("{name}/revisions/{revision}"),
            new_revision(name, &revision, &service),
        );
        Some(revision)
    } else {
        None
    };
    check_traffic(&state, name, &service)?;
    let host = public::host(cloud, name);
    let hash_form = format!("https://{}-abcdefghij-ew.a.run.app", short(name));
    service["name"] = name.into();
    service["generation"] = generation.to_string().into();
    service["etag"] = format!("\"CK{:08}\"", state.next()).into();
    service["createTime"] = service["createTime"]
        .as_str()
        .map_or_else(timestamp, str::to_owned)
        .into();
    service["updateTime"] = timestamp().into();
    service["uri"] = hash_form.clone().into();
    service["urls"] = json!([format!("https://{host}"), hash_form]);
    service["reconciling"] = true.into();
    service["terminalCondition"] = json!({ "type": "Ready", "state": "CONDITION_RECONCILING" });
    state.resources.insert(name.to_owned(), service.clone());
    let location = name.split("/services/").next().unwrap_or_default();
    let operation = json!({ "name": format!("{location}/operations/op-{}", state.next()) });
    let key = operation["name"].as_str().unwrap_or_default().to_owned();
    state.operations.insert(key.clone(), (operation.clone(), 0));
    drop(state);
    rollout::begin(cloud, name, revision, &key, &call.found.method.id);
    Ok(operation)
}

fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// Takes over the fields in the mask, or all that were sent.
fn apply(service: &mut Value, body: &Value, mask: Option<&str>) -> Result<(), ApiError> {
    let sent = body.as_object().cloned().unwrap_or_default();
    let names: Vec<String> = match mask {
        Some(mask) => mask.split(',').map(str::to_owned).collect(),
        None => sent.keys().cloned().collect(),
    };
    for name in names {
        match name.as_str() {
            "etag" | "name" => {}
            _ if super::facts::api("run.googleapis.com").is_none_or(|api| {
                api.schema("GoogleCloudRunV2Service")["properties"][&name].is_null()
            }) =>
            {
                return Err(ApiError::new(
                    400,
                    format!("update_mask has no field {name}"),
                ));
            }
            _ => match sent.get(&name) {
                Some(value) => service[&name] = value.clone(),
                None => {
                    if let Some(fields) = service.as_object_mut() {
                        fields.remove(&name);
                    }
                }
            },
        }
    }
    Ok(())
}

/// What Cloud Run refuses at once.
fn check(name: &str, service: &Value) -> Result<(), ApiError> {
    let id = short(name);
    let refuse = |problem: &str| Err(ApiError::new(400, problem.to_owned()));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.len() > 49 || !id.chars().all(plain) || !id.starts_with(|c: char| c.is_ascii_lowercase())
    {
        return refuse("service_id must be at most 49 lower-case letters, digits and hyphens");
    }
    let template = &service["template"];
    let container = &template["containers"][0];
    if container["image"].as_str().is_none_or(str::is_empty) {
        return refuse("template.containers[0].image is required");
    }
    let mut names = BTreeSet::new();
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        if matches!(
            name,
            "PORT" | "K_SERVICE" | "K_REVISION" | "K_CONFIGURATION"
        ) {
            return refuse("the environment has a reserved name");
        }
        if !names.insert(name.to_owned()) {
            return refuse("the environment has a name twice");
        }
        if !variable["value"].is_null() && !variable["valueSource"].is_null() {
            return refuse("a variable has a value and a source of one");
        }
    }
    let labels = service["labels"].as_object().into_iter().flatten();
    for (key, value) in labels {
        let value = value.as_str().unwrap_or_default();
        let good = |text: &str| text.len() <= 63 && text.chars().all(|c| plain(c) || c == '_');
        if !good(key) || !good(value) || key.is_empty() {
            return refuse("a label is not valid");
        }
    }
    let cpu = container["resources"]["limits"]["cpu"]
        .as_str()
        .unwrap_or("1");
    let is_gen2 = template["executionEnvironment"] == "EXECUTION_ENVIRONMENT_GEN2";
    let small = cpu.ends_with('m')
        && cpu
            .trim_end_matches('m')
            .parse::<u32>()
            .is_ok_and(|cpu| cpu < 1000);
    if is_gen2 && small {
        return refuse("the second generation needs at least 1 CPU");
    }
    if small
        && template["maxInstanceRequestConcurrency"]
            .as_i64()
            .is_none_or(|most| most != 1)
    {
        return refuse("less than 1 CPU needs a concurrency of 1");
    }
    Ok(())
}

/// The name that was asked for, or the next one.
fn name_revision(
    state: &State,
    name: &str,
    service: &Value,
    generation: u64,
) -> Result<String, ApiError> {
    let id = short(name);
    match service["template"]["revision"].as_str() {
        None | Some("") => Ok(format!("{id}-{generation:05}-abc")),
        Some(wanted) => {
            if !wanted.starts_with(&format!("{id}-")) || wanted.len() > 63 {
                return Err(ApiError::new(
                    400,
                    "template.revision must begin with the service's name",
                ));
            }
            let full = format!("{name}/revisions/{wanted}");
            if state.resources.contains_key(&full) {
                return Err(ApiError::exists(&full));
            }
            Ok(wanted.to_owned())
        }
    }
}

fn new_revision(name: &str, revision: &str, service: &Value) -> Value {
    let template = &service["template"];
    let mut made = json!({
        "name": format!("{name}/revisions/{revision}"),
        "service": short(name),
        "createTime": timestamp(),
        "reconciling": true,
        "conditions": [{ "type": "Ready", "state": "CONDITION_RECONCILING" }],
        "logUri": format!("https://console.cloud.google.com/logs/viewer?revision={revision}"),
    });
    for field in [
        "containers",
        "serviceAccount",
        "labels",
        "scaling",
        "timeout",
        "executionEnvironment",
    ] {
        if !template[field].is_null() {
            made[field] = template[field].clone();
        }
    }
    made
}

fn check_traffic(state: &State, name: &str, service: &Value) -> Result<(), ApiError> {
    let Some(targets) = service["traffic"]
        .as_array()
        .filter(|targets| !targets.is_empty())
    else {
        return Ok(());
    };
    let sum: i64 = targets
        .iter()
        .map(|target| target["percent"].as_i64().unwrap_or(0))
        .sum();
    if sum != 100 {
        return Err(ApiError::new(
            400,
            format!("traffic percentages add up to {sum}, not 100"),
        ));
    }
    for target in targets {
        match (target["type"].as_str(), target["revision"].as_str()) {
            (Some("TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"), None) => {}
            (Some("TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"), Some(revision)) => {
                state.get(&format!("{name}/revisions/{revision}"))?;
            }
            _ => return Err(ApiError::new(400, "a traffic target names no revision")),
        }
    }
    Ok(())
}

fn revisions(state: &State, service: &str) -> Value {
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

fn delete(cloud: &Cloud, name: &str) -> Answer {
    let mut state = cloud.state();
    let mut last = state.delete(name)?;
    last["@type"] = "type.googleapis.com/google.cloud.run.v2.Service".into();
    let prefix = format!("{name}/revisions/");
    state
        .resources
        .retain(|revision, _| !revision.starts_with(&prefix));
    state
        .containers
        .retain(|revision, _| !revision.starts_with(&prefix));
    let location = name.split("/services/").next().unwrap_or_default();
    Ok(state.operation(location, json!({ "done": true, "response": last })))
}

/// Changes the service that `path` is about, so that whoever read it before comes too late.
pub fn somebody_else(cloud: &Cloud, path: &str) {
    let mut state = cloud.state();
    let etag = format!("\"CK{:08}\"", state.next());
    let name = path.trim_start_matches("/v2/");
    if let Some(service) = state.resources.get_mut(name) {
        service["etag"] = etag.into();
    }
}
