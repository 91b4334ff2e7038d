//! The service as it is wanted, in Cloud Run's words.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{LABEL, diff::template_differs};
use crate::deploy::{
    names::Names,
    settings::{Ledger, Settings, SignIn},
};

/// The other host names of the service, for the runtime.
const HOSTS: &str = "MCPO_HOSTS";

/// What is written of a service; anything else in it is left as it is.
pub const fn managed_mask() -> &'static str {
    "template,labels,client,clientVersion,functionalType,invokerIamDisabled,ingress,traffic"
}

/// Which secret, in which version, a variable comes from.
#[derive(Clone, Debug, Default)]
pub struct Versions(BTreeMap<String, (String, String)>);

impl Versions {
    pub fn set(&mut self, variable: &str, secret: &str, version: &str) {
        self.0
            .insert(variable.to_owned(), (secret.to_owned(), version.to_owned()));
    }
}

/// Where a variable of a container comes from, without its value.
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

/// The version of its secret that the service's latest revision has for a variable.
pub fn pinned<'a>(service: &'a Value, variable: &str, id: &str) -> Option<&'a str> {
    let variables = service["template"]["containers"][0]["env"].as_array()?;
    let found = variables.iter().find(|one| one["name"] == variable)?;
    let reference = &found["valueSource"]["secretKeyRef"];
    let secret = reference["secret"].as_str()?;
    if secret.rsplit('/').next() != Some(id) {
        return None;
    }
    // An alias is nothing that stays.
    reference["version"]
        .as_str()
        .filter(|version| version.parse::<u64>().is_ok())
}

/// The value of a variable of the service's latest revision.
fn variable<'a>(service: &'a Value, name: &str) -> Option<&'a str> {
    let variables = service["template"]["containers"][0]["env"].as_array()?;
    variables.iter().find(|one| one["name"] == name)?["value"].as_str()
}

/// The service as it is wanted, next to what it is now.
///
/// Cloud Run names the second host of a service only once the service exists. That name is learned
/// with the next revision; it is not a reason to make one.
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

/// The fields that are written.
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
        // What Google's own lists and registries know it by.
        "functionalType": "FUNCTIONAL_TYPE_MCP_SERVER",
        "labels": labels,
        "ingress": settings.ingress,
        // Works where a policy of the organization forbids to name everybody, too.
        "invokerIamDisabled": !settings.is_private,
        "template": {
            "serviceAccount": names.account(settings),
            "timeout": format!("{}s", settings.timeout_seconds),
            "maxInstanceRequestConcurrency": settings.concurrency,
            "executionEnvironment": execution_environment(settings),
            // Clients of the older protocol have sessions, which live in one instance.
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
            // Setting any of the resources drops this default.
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

/// The second generation starts faster, and needs a whole CPU.
fn execution_environment(settings: &Settings) -> &'static str {
    let is_whole = settings.cpu.parse::<f64>().is_ok_and(|cpu| cpu >= 1.0);
    if is_whole {
        "EXECUTION_ENVIRONMENT_GEN2"
    } else {
        "EXECUTION_ENVIRONMENT_GEN1"
    }
}
