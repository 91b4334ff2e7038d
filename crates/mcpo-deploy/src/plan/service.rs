//! Builds the wanted service in the format of Cloud Run's API.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::diff::template_differs;
use crate::{
    labels::LABEL,
    names::Names,
    settings::{Ledger, Settings, SignIn},
};

/// The variable with the service's other host names, for the runtime.
const HOSTS: &str = "MCPO_HOSTS";

/// Returns the field mask of an update; all other fields of the service stay as they are.
pub const fn managed_mask() -> &'static str {
    "template,labels,client,clientVersion,functionalType,invokerIamDisabled,ingress,traffic"
}

/// The secret and the version that provide each variable.
#[derive(Clone, Debug, Default)]
pub struct Versions(BTreeMap<String, (String, String)>);

impl Versions {
    pub fn set(&mut self, variable: &str, secret: &str, version: &str) {
        self.0
            .insert(variable.to_owned(), (secret.to_owned(), version.to_owned()));
    }
}

/// Describes the source of a container's variable without its value.
pub fn variable_source(variable: &Value) -> String {
    let reference = &variable["valueSource"]["secretKeyRef"];
    match (reference["secret"].as_str(), reference["version"].as_str()) {
        (Some(secret), Some("new")) => format!("secret {secret}, a new version"),
        (Some(secret), version) => {
            let id = secret.rsplit('/').next().unwrap_or_default();
            format!("secret {id}, version {}", version.unwrap_or("latest"))
        }
        (None, _) => "a value".to_owned(),
    }
}

/// Returns the secret version that the service's latest revision uses for a variable.
pub fn pinned<'a>(service: &'a Value, variable: &str, id: &str) -> Option<&'a str> {
    let variables = service["template"]["containers"][0]["env"].as_array()?;
    let found = variables.iter().find(|one| one["name"] == variable)?;
    let reference = &found["valueSource"]["secretKeyRef"];
    let secret = reference["secret"].as_str()?;
    if secret.rsplit('/').next() != Some(id) {
        return None;
    }
    // An alias can point to another version later.
    reference["version"]
        .as_str()
        .filter(|version| version.parse::<u64>().is_ok())
}

/// Returns the value of a variable in the service's latest revision.
fn variable<'a>(service: &'a Value, name: &str) -> Option<&'a str> {
    let variables = service["template"]["containers"][0]["env"].as_array()?;
    variables.iter().find(|one| one["name"] == name)?["value"].as_str()
}

/// Returns the wanted service.
///
/// Cloud Run reports the second host name of a service only after the service exists. The next
/// revision includes that name; the name alone is no reason to create a revision.
pub fn service(
    settings: &Settings,
    names: &Names,
    image: &str,
    versions: &Versions,
    current: Option<&Value>,
) -> Value {
    let hosts = names.hosts(current);
    let wanted = with_hosts(settings, names, image, versions, &hosts);
    let Some((current, before)) =
        current.and_then(|current| Some((current, variable(current, HOSTS)?)))
    else {
        return wanted;
    };
    let is_learned = before.starts_with(&names.host()) && before != hosts;
    let kept = with_hosts(settings, names, image, versions, before);
    if is_learned && !template_differs(current, &kept) {
        return kept;
    }
    wanted
}

/// Returns the fields to write.
fn with_hosts(
    settings: &Settings,
    names: &Names,
    image: &str,
    versions: &Versions,
    hosts: &str,
) -> Value {
    let mut labels = settings.labels.clone();
    labels.insert(LABEL.0.to_owned(), LABEL.1.to_owned());
    json!({
        "client": "mcpo",
        "clientVersion": env!("CARGO_PKG_VERSION"),
        // Marks the service as an MCP server in Google's consoles and registries.
        "functionalType": "FUNCTIONAL_TYPE_MCP_SERVER",
        "labels": labels,
        "ingress": settings.ingress,
        // Also works where an organization policy forbids `allUsers`.
        "invokerIamDisabled": !settings.is_private,
        "template": {
            "serviceAccount": names.account(settings),
            "timeout": format!("{}s", settings.timeout_seconds),
            "maxInstanceRequestConcurrency": settings.concurrency,
            "executionEnvironment": execution_environment(settings),
            // Sessions of the older protocol live in one instance.
            "sessionAffinity": true,
            "scaling": {
                "minInstanceCount": settings.min_instances,
                "maxInstanceCount": settings.max_instances,
            },
            "containers": [container(settings, names, image, versions, hosts)],
        },
    })
}

fn container(
    settings: &Settings,
    names: &Names,
    image: &str,
    versions: &Versions,
    hosts: &str,
) -> Value {
    json!({
        "image": image,
        "ports": [{ "name": "http1", "containerPort": 8080 }],
        "resources": {
            "limits": { "cpu": settings.cpu, "memory": settings.memory },
            // Setting any resource limit removes this default.
            "cpuIdle": true,
            "startupCpuBoost": true,
        },
        "startupProbe": {
            "httpGet": { "path": "/health" },
            "periodSeconds": 1,
            "timeoutSeconds": 1,
            "failureThreshold": 60,
        },
        "env": environment(settings, names, versions, hosts),
    })
}

fn environment(settings: &Settings, names: &Names, versions: &Versions, hosts: &str) -> Vec<Value> {
    let mut variables: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, value) in &settings.env {
        variables.insert(name, json!({ "value": value }));
    }
    let base_url = names.base_url(settings);
    variables.insert("BASE_URL", json!({ "value": base_url }));
    variables.insert(HOSTS, json!({ "value": hosts }));
    let ledger = match &settings.ledger {
        Ledger::Bucket => Some(names.ledger()),
        Ledger::Named(name) => Some(name.clone()),
        Ledger::Secret => None,
    };
    if let Some(ledger) = ledger {
        variables.insert("MCPO_LEDGER", json!({ "value": ledger }));
    }
    if settings.sign_in == SignIn::OpenToAnyone {
        variables.insert("MCPO_OPEN_TO_ANYONE", json!({ "value": "1" }));
    }
    for (variable, (secret, version)) in &versions.0 {
        let reference = json!({ "secret": secret, "version": version });
        variables.insert(
            variable,
            json!({ "valueSource": { "secretKeyRef": reference } }),
        );
    }
    variables
        .into_iter()
        .map(|(name, source)| {
            let mut variable = Map::from_iter([("name".to_owned(), Value::from(name))]);
            variable.extend(source.as_object().cloned().unwrap_or_default());
            Value::Object(variable)
        })
        .collect()
}

/// Returns the execution environment. The second generation starts faster but needs a whole CPU.
fn execution_environment(settings: &Settings) -> &'static str {
    let is_whole = settings.cpu.parse::<f64>().is_ok_and(|cpu| cpu >= 1.0);
    if is_whole {
        "EXECUTION_ENVIRONMENT_GEN2"
    } else {
        "EXECUTION_ENVIRONMENT_GEN1"
    }
}
