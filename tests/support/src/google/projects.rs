//! Projects and their enabled APIs.

use serde_json::{Value, json};

use super::{
    Cloud,
    call::{Call, unsupported_method},
    error::{Answer, ApiError},
    fault::Fault,
};

/// APIs that can be enabled, although no client of the stand-in calls them.
const WITHOUT_DESCRIPTION: [&str; 2] = [
    "binaryauthorization.googleapis.com",
    "sqladmin.googleapis.com",
];

/// Handles calls to `cloudresourcemanager` and `serviceusage`.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    match call.found.method.id.as_str() {
        "cloudresourcemanager.projects.get" => {
            check_project(cloud, &call.path("name"))?;
            Ok(json!({
                "name": format!("projects/{}", cloud.number),
                "projectId": cloud.project,
                "displayName": "My project",
                "state": "ACTIVE",
            }))
        }
        "cloudresourcemanager.projects.getIamPolicy" => {
            check_project(cloud, &call.path("resource"))?;
            let version = &call.body["options"]["requestedPolicyVersion"];
            let version = version.as_i64().map(|version| version.to_string());
            let name = call.path("resource");
            Ok(cloud.state().policy_for(&name, version.as_deref()))
        }
        "cloudresourcemanager.projects.setIamPolicy" => {
            check_project(cloud, &call.path("resource"))?;
            let policy = call.body["policy"].clone();
            cloud.state().set_policy(&call.path("resource"), policy)
        }
        "serviceusage.services.batchGet" => {
            check_project(cloud, &call.path("parent"))?;
            let names = call.query.get("names").cloned().unwrap_or_default();
            let services = names.iter().map(|name| service(cloud, name));
            Ok(json!({ "services": services.collect::<Vec<_>>() }))
        }
        "serviceusage.services.batchEnable" => {
            check_project(cloud, &call.path("parent"))?;
            enable(cloud, call)
        }
        "serviceusage.operations.get" => cloud.operation_status(&call.path("name")),
        _ => Err(unsupported_method(call)),
    }
}

fn check_project(cloud: &Cloud, name: &str) -> Result<(), ApiError> {
    if name == format!("projects/{}", cloud.project) || name == format!("projects/{}", cloud.number)
    {
        Ok(())
    } else {
        Err(ApiError::denied("resourcemanager.projects.get"))
    }
}

fn service(cloud: &Cloud, name: &str) -> Value {
    let id = name.rsplit('/').next().unwrap_or_default();
    let enabled = cloud.state().enabled.contains(id);
    json!({
        "name": format!("projects/{}/services/{id}", cloud.number),
        "parent": format!("projects/{}", cloud.number),
        "state": if enabled { "ENABLED" } else { "DISABLED" },
    })
}

fn enable(cloud: &Cloud, call: &Call) -> Answer {
    let ids: Vec<String> = serde_json::from_value(call.body["serviceIds"].clone())
        .map_err(|_| ApiError::new(400, "serviceIds is empty"))?;
    if ids.len() > 20 {
        return Err(ApiError::new(400, "at most 20 services"));
    }
    let mut state = cloud.state();
    let lag = cloud.propagation;
    for id in ids {
        if !super::facts::is_api(&id) && !WITHOUT_DESCRIPTION.contains(&&*id) {
            return Err(ApiError::new(400, format!("Service {id} was not found")));
        }
        state.enabled.insert(id.clone());
        state.propagation.insert(id, lag);
    }
    let is_slow = |fault: &Fault| matches!(fault, Fault::Slow(_));
    let looks = match state.take_fault("serviceusage.services.batchEnable", is_slow) {
        Some(Fault::Slow(looks)) => looks,
        _ => 0,
    };
    let name = format!("operations/acat.{}", state.next());
    let done = json!({ "name": name, "done": true, "response": {} });
    state.operations.insert(name.clone(), (done, looks));
    Ok(if looks == 0 {
        json!({ "name": name, "done": true, "response": {} })
    } else {
        json!({ "name": name })
    })
}

impl Cloud {
    /// Returns an operation, which may need more polls until it is done.
    pub fn operation_status(&self, name: &str) -> Answer {
        let mut state = self.state();
        let (operation, looks) = state
            .operations
            .get_mut(name)
            .ok_or_else(|| ApiError::not_found(name))?;
        if *looks > 0 {
            *looks -= 1;
            return Ok(json!({ "name": name }));
        }
        Ok(operation.clone())
    }
}
