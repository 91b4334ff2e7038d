//! Rolls out a written service: starts the new revision and updates the state.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::super::{
    Cloud,
    container::{self, Container, Start},
    fault::Fault,
    front, secrets,
};

/// How long a container may take to listen; Cloud Run waits longer.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(4);

/// Starts the rollout in the background.
pub fn begin(
    cloud: &Cloud,
    service: &str,
    revision: Option<String>,
    operation: &str,
    method: &str,
) {
    let cloud = cloud.share();
    let (service, operation) = (service.to_owned(), operation.to_owned());
    let method = method.to_owned();
    tokio::spawn(async move {
        let is_ours = |fault: &Fault| matches!(fault, Fault::OperationFails(..) | Fault::Slow(_));
        let fault = cloud.state().take_fault(&method, is_ours);
        if let Some(Fault::Slow(tenths)) = fault {
            tokio::time::sleep(Duration::from_millis(100) * tenths).await;
        }
        let outcome = match (&fault, &revision) {
            (Some(Fault::OperationFails(code, message)), _) => Err((*code, (*message).to_owned())),
            (_, Some(revision)) => start(&cloud, &service, revision)
                .await
                .map_err(|problem| (9, problem)),
            (_, None) => Ok(()),
        };
        finish(&cloud, &service, revision.as_deref(), &operation, outcome);
    });
}

async fn start(cloud: &Cloud, service: &str, revision: &str) -> Result<(), String> {
    let full = format!("{service}/revisions/{revision}");
    let made = cloud
        .state()
        .resources
        .get(&full)
        .cloned()
        .ok_or("the revision was deleted")?;
    let facts = &made["containers"][0];
    let short = service.rsplit('/').next().unwrap_or_default().to_owned();
    // The default is the project's Compute Engine service account.
    let default = format!("{}-compute@developer.gserviceaccount.com", cloud.number);
    let account = match made["serviceAccount"].as_str() {
        Some(account) if !account.is_empty() => account.to_owned(),
        _ => default,
    };
    if account.ends_with(".iam.gserviceaccount.com") && !cloud.state().account_exists(&account) {
        return Err(format!("Service account {account} does not exist."));
    }
    let mut environment = variables(cloud, facts, &account)?;
    environment.extend([
        ("K_SERVICE".to_owned(), short.clone()),
        ("K_REVISION".to_owned(), revision.to_owned()),
        ("K_CONFIGURATION".to_owned(), short.clone()),
        // Makes the container use the stand-in instead of Google.
        (
            "STORAGE_EMULATOR_HOST".to_owned(),
            format!("http://{}", cloud.address()),
        ),
        (
            "GCE_METADATA_HOST".to_owned(),
            front::metadata_server(cloud, &account),
        ),
    ]);
    let folder = cloud.folder().join("containers").join(revision);
    let image = facts["image"].as_str().unwrap_or_default();
    if is_denied(cloud, service) {
        // The beginning is Google's description of the reason CONTAINER_IMAGE_UNAUTHORIZED.
        return Err(format!(
            "Container image is not authorized by policy. Image '{image}'"
        ));
    }
    if !image.contains("-docker.pkg.dev/my-project/") {
        // An image of another project cannot be pulled here, so a server that replies "hello" runs
        // instead.
        let container = Container::hello().await?;
        cloud.state().containers.insert(full, container);
        return Ok(());
    }
    let image = container::pull(&cloud.registry, image, &folder)
        .await
        .map_err(|problem| format!("Image '{image}' cannot be run: {problem}"))?;
    let region = service.split('/').nth(3).unwrap_or_default().to_owned();
    let (logger, name) = (cloud.share(), revision.to_owned());
    let log = Arc::new(move |line: &str, is_error| {
        logger.log_line(&short, &name, &region, line, is_error);
    });
    let mut container = Container::start(Start {
        image: &image,
        environment,
        log,
    })?;
    let path = facts["startupProbe"]["httpGet"]["path"].as_str();
    let ready = container.wait_until_ready(path, STARTUP_TIMEOUT).await;
    ready.map_err(|problem| {
        format!(
            "The user-provided container failed to start and listen on the port defined provided by \
             the PORT=8080 environment variable within the allocated timeout ({problem}). Logs URL: {}",
            made["logUri"].as_str().unwrap_or_default()
        )
    })?;
    cloud.state().containers.insert(full, container);
    Ok(())
}

/// Returns true if the service has a policy of Binary Authorization, and the policy denies images.
fn is_denied(cloud: &Cloud, service: &str) -> bool {
    let state = cloud.state();
    let service = state.resources.get(service);
    let policy = service.map(|service| &service["binaryAuthorization"]);
    let is_enforced =
        policy.is_some_and(|policy| policy["useDefault"] == true || policy["policy"].is_string());
    state.denies_images && is_enforced
}

/// Returns the environment with the secrets, if the service's account may read them.
fn variables(cloud: &Cloud, facts: &Value, account: &str) -> Result<Vec<(String, String)>, String> {
    let state = cloud.state();
    let mut found = Vec::new();
    for variable in facts["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default().to_owned();
        let reference = &variable["valueSource"]["secretKeyRef"];
        let Some(secret) = reference["secret"].as_str() else {
            found.push((
                name,
                variable["value"].as_str().unwrap_or_default().to_owned(),
            ));
            continue;
        };
        let secret = if secret.starts_with("projects/") {
            secret.to_owned()
        } else {
            format!("projects/{}/secrets/{secret}", cloud.project)
        };
        let member = format!("serviceAccount:{account}");
        if !state.may(&secret, &member, &["roles/secretmanager.secretAccessor"]) {
            return Err(format!(
                "Permission denied on secret: {secret} for Revision service account {account}."
            ));
        }
        let version = reference["version"].as_str().unwrap_or("latest");
        let (_, data) = secrets::read_version(&state, &format!("{secret}/versions/{version}"))
            .map_err(|_| format!("Secret {secret}/versions/{version} was not found"))?;
        found.push((
            name,
            String::from_utf8(data).map_err(|error| error.to_string())?,
        ));
    }
    Ok(found)
}

fn finish(
    cloud: &Cloud,
    name: &str,
    revision: Option<&str>,
    operation: &str,
    outcome: Result<(), (i32, String)>,
) {
    let mut state = cloud.state();
    let Some(mut service) = state.resources.get(name).cloned() else {
        return;
    };
    let condition = match &outcome {
        Ok(()) => json!({ "type": "Ready", "state": "CONDITION_SUCCEEDED" }),
        Err((_, problem)) => {
            json!({ "type": "Ready", "state": "CONDITION_FAILED", "message": problem })
        }
    };
    if let Some(revision) = revision {
        let full = format!("{name}/revisions/{revision}");
        if let Some(made) = state.resources.get_mut(&full) {
            made["reconciling"] = false.into();
            made["conditions"] = json!([condition.clone()]);
        }
        if outcome.is_ok() {
            service["latestReadyRevision"] = full.into();
        }
    }
    service["reconciling"] = false.into();
    service["observedGeneration"] = service["generation"].clone();
    service["terminalCondition"] = condition;
    if outcome.is_ok() {
        service["trafficStatuses"] = traffic(&service);
    }
    state.resources.insert(name.to_owned(), service.clone());
    let done = match outcome {
        Ok(()) => {
            service["@type"] = super::SERVICE_TYPE.into();
            json!({ "name": operation, "done": true, "response": service })
        }
        Err((code, message)) => json!({
            "name": operation, "done": true, "error": { "code": code, "message": message },
        }),
    };
    state.operations.insert(operation.to_owned(), (done, 0));
}

/// Returns the traffic statuses. As in Google's responses, a status for the latest revision has no
/// revision name.
fn traffic(service: &Value) -> Value {
    let everything = json!([{ "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100 }]);
    let targets = match &service["traffic"] {
        Value::Array(targets) if !targets.is_empty() => service["traffic"].clone(),
        _ => everything,
    };
    let mut statuses = targets;
    for status in statuses.as_array_mut().into_iter().flatten() {
        if let Some(tag) = status["tag"].as_str() {
            let url = service["urls"][0].as_str().unwrap_or_default();
            status["uri"] = url
                .replacen("https://", &format!("https://{tag}---"), 1)
                .into();
        }
    }
    statuses
}
