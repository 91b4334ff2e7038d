//! Cloud Run: services, revisions and traffic.

mod check;
mod domains;
mod public;
mod revisions;
mod rollout;

use serde_json::{Value, json};

use self::check::{check_traffic, name_revision};
pub use self::{domains::service_of as service_of_domain, public::serve as serve_public};
use super::{
    Cloud, builds,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    limits::{self, Kind, Subject},
    state::{State, timestamp},
};

/// The type of an operation's result.
const SERVICE_TYPE: &str = "type.googleapis.com/google.cloud.run.v2.Service";

/// Lists all regions on one page, as Google does.
fn locations(project: &str) -> Value {
    let locations = limits::regions().iter().map(
        |region| json!({ "name": format!("{project}/locations/{region}"), "locationId": region }),
    );
    json!({ "locations": locations.collect::<Vec<_>>() })
}

/// Handles calls to `run`.
pub async fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let method = call.found.method.id.strip_prefix("run.projects.locations.");
    match method.unwrap_or_default() {
        "list" => Ok(locations(&call.path("name"))),
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
        "services.list" => Ok(services(&cloud.state(), call)),
        "services.getIamPolicy" => {
            let version = call.query("options.requestedPolicyVersion");
            Ok(cloud.state().policy_for(&call.path("resource"), version))
        }
        "services.setIamPolicy" => cloud
            .state()
            .set_policy(&call.path("resource"), call.body["policy"].clone()),
        "services.revisions.list" => Ok(revisions::list(&cloud.state(), &call.path("parent"))),
        "services.revisions.delete" => revisions::delete(cloud, &call.path("name")),
        "operations.get" => cloud.operation_status(&call.path("name")),
        "operations.wait" => wait(cloud, call).await,
        "builds.submit" => builds::submit(cloud, call),
        method
            if method.starts_with("domainmappings.")
                || method.starts_with("authorizeddomains.") =>
        {
            domains::answer(cloud, call, method)
        }
        _ => Err(unsupported_method(call)),
    }
}

async fn wait(cloud: &Cloud, call: &Call) -> Answer {
    let name = call.path("name");
    for _ in 0..200 {
        let operation = cloud.operation_status(&name)?;
        if operation["done"] == true {
            return Ok(operation);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    cloud.operation_status(&name)
}

/// Creates or changes a service. Validates the request synchronously and starts an operation for
/// the rollout.
fn write(cloud: &Cloud, name: &str, before: Option<&Value>, body: &Value, call: &Call) -> Answer {
    let mut service = before.cloned().unwrap_or_else(|| json!({}));
    if let (Some(before), Some(etag)) = (before, body["etag"].as_str())
        && before["etag"] != etag
    {
        return Err(ApiError::aborted(name));
    }
    apply(&mut service, body, call.query("updateMask"))?;
    let location = name.split("/services/").next().unwrap_or_default();
    let subject = Subject {
        id: short(name),
        location: location.rsplit('/').next().unwrap_or_default(),
        body: &service,
    };
    limits::check(Kind::Service, &subject)?;
    if cloud.forbids_public_services && service["invokerIamDisabled"] == true {
        let policy = "constraints/run.managed.requireInvokerIam";
        return Err(ApiError::violated_policy(policy, cloud.project));
    }
    check_policy(cloud, &service["binaryAuthorization"])?;
    let mut state = cloud.state();
    if call.query("validateOnly") == Some("true") {
        service["name"] = name.into();
        service["@type"] = SERVICE_TYPE.into();
        let done = json!({ "done": true, "response": service });
        return Ok(state.operation(location, done));
    }
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
            revisions::new(name, &revision, &service),
        );
        Some(revision)
    } else {
        None
    };
    check_traffic(&state, name, &service)?;
    let host = public::host(cloud, name);
    let hash_form = format!("https://{}", public::hash_host(name));
    service["name"] = name.into();
    service["generation"] = generation.to_string().into();
    service["etag"] = format!("\"CK{:08}\"", state.next()).into();
    service["createTime"] = service["createTime"]
        .as_str()
        .map_or_else(timestamp, str::to_owned)
        .into();
    service["updateTime"] = timestamp().into();
    service["lastModifier"] = call.caller.clone().into();
    service["uri"] = hash_form.clone().into();
    service["urls"] = json!([format!("https://{host}"), hash_form]);
    service["reconciling"] = true.into();
    service["terminalCondition"] = json!({ "type": "Ready", "state": "CONDITION_RECONCILING" });
    state.resources.insert(name.to_owned(), service.clone());
    let operation = json!({ "name": format!("{location}/operations/op-{}", state.next()) });
    let key = operation["name"].as_str().unwrap_or_default().to_owned();
    state.operations.insert(key.clone(), (operation.clone(), 0));
    drop(state);
    rollout::begin(cloud, name, revision, &key, &call.found.method.id);
    Ok(operation)
}

/// Checks the policy of Binary Authorization: at most one kind, in a project with its API. A reason
/// for ignoring the policy is only valid with the default policy.
fn check_policy(cloud: &Cloud, policy: &Value) -> Result<(), ApiError> {
    let is_default = policy["useDefault"] == true;
    let name = policy["policy"].as_str();
    let is_named = name
        .is_some_and(|name| name.starts_with("projects/") && name.contains("/platforms/cloudRun/"));
    let is_invalid = (is_default && name.is_some())
        || (name.is_some() && !is_named)
        || (!is_default && policy["breakglassJustification"].is_string());
    if is_invalid {
        return Err(ApiError::new(400, "binary_authorization is invalid"));
    }
    let api = "binaryauthorization.googleapis.com";
    if (is_default || is_named) && !cloud.state().enabled.contains(api) {
        return Err(ApiError::disabled(api, cloud.number));
    }
    Ok(())
}

/// Returns the last segment of a resource name.
fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// Applies the fields in the mask, or all fields that were sent.
fn apply(service: &mut Value, body: &Value, mask: Option<&str>) -> Result<(), ApiError> {
    let sent = body.as_object().cloned().unwrap_or_default();
    let names: Vec<String> = match mask {
        Some(mask) => mask.split(',').map(str::to_owned).collect(),
        None => sent.keys().cloned().collect(),
    };
    for name in names {
        match name.as_str() {
            "etag" | "name" => {}
            _ if super::facts::schema("run.googleapis.com", "GoogleCloudRunV2Service")
                .is_none_or(|service| service["properties"][&name].is_null()) =>
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

/// Returns one service per page, so that clients must handle pagination.
fn services(state: &State, call: &Call) -> Value {
    let prefix = format!("{}/services/", call.path("parent"));
    let after = call.query("pageToken").unwrap_or_default();
    let mut found = state
        .resources
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix) && !name.contains("/revisions/"))
        .filter(|(name, _)| name.as_str() > after);
    let page = found.next();
    let mut answer =
        json!({ "services": page.iter().map(|(_, service)| service).collect::<Vec<_>>() });
    if let (Some((name, _)), Some(_)) = (page, found.next()) {
        answer["nextPageToken"] = name.as_str().into();
    }
    answer
}

fn delete(cloud: &Cloud, name: &str) -> Answer {
    let mut state = cloud.state();
    let mut last = state.delete(name)?;
    last["@type"] = SERVICE_TYPE.into();
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

/// Changes the settings of a service as another tool does.
pub fn change_elsewhere(
    cloud: &Cloud,
    name: &str,
    account: &str,
    client: &str,
    change: impl FnOnce(&mut Value),
) {
    let mut state = cloud.state();
    let etag = format!("\"CK{:08}\"", state.next());
    let Some(service) = state.resources.get_mut(name) else {
        return;
    };
    change(service);
    let generation = service["generation"].as_str().unwrap_or_default();
    let generation = generation.parse().unwrap_or(0) + 1;
    service["generation"] = generation.to_string().into();
    service["etag"] = etag.into();
    service["updateTime"] = timestamp().into();
    service["lastModifier"] = account.into();
    service["client"] = client.into();
}

/// Changes the service in `path`, so that the etag of earlier reads no longer matches.
pub fn change_as_another_user(cloud: &Cloud, path: &str) {
    let mut state = cloud.state();
    let etag = format!("\"CK{:08}\"", state.next());
    let name = path.trim_start_matches("/v2/");
    if let Some(service) = state.resources.get_mut(name) {
        service["etag"] = etag.into();
    }
}
