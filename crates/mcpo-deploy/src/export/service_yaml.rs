//! The service in the Knative form of Cloud Run's API, version 1, which `gcloud run services replace`
//! reads. <https://cloud.google.com/run/docs/reference/yaml/v1>
//!
//! Settings that version 1 has no field for are annotations. The documentation of `ObjectMeta` in
//! <https://cloud.google.com/run/docs/reference/rest/v1/ObjectMeta> lists them.

use std::collections::BTreeMap;

use mcpo_common::error::{Failure, Outcome};
use serde_json::{Map, Value, json};

use super::Description;
use crate::google::api::run::{AllocationType, Container, EnvVar, TrafficTarget};

/// Returns the text of the file.
pub fn text(described: &Description<'_>) -> Outcome<String> {
    serde_saphyr::to_string(&service(described))
        .map_err(|error| Failure::new("failed to write the service as YAML").because(&error))
}

fn service(described: &Description<'_>) -> Value {
    let Description {
        context, service, ..
    } = described;
    let names = &context.names;
    let mut labels = service.labels.clone();
    labels.insert(
        "cloud.googleapis.com/location".to_owned(),
        names.region.clone(),
    );
    let mut annotations = service.annotations.clone();
    // What mcpo stores for itself is not valid after another tool has written the service.
    annotations.retain(|name, _| !name.starts_with("mcpo-"));
    annotations.insert(
        "run.googleapis.com/ingress".to_owned(),
        ingress(&service.ingress).to_owned(),
    );
    if service.invoker_iam_disabled == Some(true) {
        let name = "run.googleapis.com/invoker-iam-disabled";
        annotations.insert(name.to_owned(), "true".to_owned());
    }
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": names.service_id,
            "namespace": names.project,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": {
            "template": template(described),
            "traffic": service.traffic.iter().map(target).collect::<Vec<_>>(),
        },
    })
}

fn template(described: &Description<'_>) -> Value {
    let template = described.service.template.clone().unwrap_or_default();
    let container = described.container();
    let mut annotations = BTreeMap::new();
    let mut annotate = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            annotations.insert(name.to_owned(), value);
        }
    };
    let scaling = template.scaling.unwrap_or_default();
    let count = |count: Option<u32>| count.map(|count| count.to_string());
    annotate(
        "autoscaling.knative.dev/minScale",
        count(scaling.min_instance_count),
    );
    annotate(
        "autoscaling.knative.dev/maxScale",
        count(scaling.max_instance_count),
    );
    let environment = template
        .execution_environment
        .strip_prefix("EXECUTION_ENVIRONMENT_")
        .map(str::to_lowercase);
    annotate("run.googleapis.com/execution-environment", environment);
    let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
    annotate(
        "run.googleapis.com/sessionAffinity",
        flag(template.session_affinity),
    );
    let resources = container.resources.clone().unwrap_or_default();
    annotate(
        "run.googleapis.com/cpu-throttling",
        flag(resources.cpu_idle),
    );
    annotate(
        "run.googleapis.com/startup-cpu-boost",
        flag(resources.startup_cpu_boost),
    );
    let mut spec = json!({
        "serviceAccountName": template.service_account,
        "containers": [self::container(&container)],
    });
    if let Some(concurrency) = template.max_instance_request_concurrency {
        spec["containerConcurrency"] = concurrency.into();
    }
    let seconds = template.timeout.strip_suffix('s');
    if let Some(seconds) = seconds.and_then(|seconds| seconds.parse::<u32>().ok()) {
        spec["timeoutSeconds"] = seconds.into();
    }
    json!({ "metadata": { "annotations": annotations }, "spec": spec })
}

fn container(container: &Container) -> Value {
    let mut object = Map::new();
    object.insert("image".to_owned(), container.image.clone().into());
    let ports: Vec<_> = container
        .ports
        .iter()
        .map(|port| json!({ "name": port.name, "containerPort": port.number }))
        .collect();
    object.insert("ports".to_owned(), ports.into());
    let env: Vec<_> = container.env.iter().map(variable).collect();
    object.insert("env".to_owned(), env.into());
    if let Some(resources) = &container.resources {
        object.insert(
            "resources".to_owned(),
            json!({ "limits": resources.limits }),
        );
    }
    if let Some(probe) = &container.startup_probe {
        let mut startup = Map::new();
        if let Some(get) = &probe.http_get {
            startup.insert("httpGet".to_owned(), json!({ "path": get.path }));
        }
        let numbers = [
            ("periodSeconds", probe.period_seconds),
            ("timeoutSeconds", probe.timeout_seconds),
            ("failureThreshold", probe.failure_threshold),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                startup.insert(name.to_owned(), number.into());
            }
        }
        object.insert("startupProbe".to_owned(), startup.into());
    }
    Value::Object(object)
}

fn variable(variable: &EnvVar) -> Value {
    match variable.secret() {
        Some(secret) => {
            let version = match &*secret.version {
                "" => "latest",
                version => version,
            };
            let reference = json!({ "name": secret.secret, "key": version });
            json!({ "name": variable.name, "valueFrom": { "secretKeyRef": reference } })
        }
        None => {
            json!({ "name": variable.name, "value": variable.value.as_deref().unwrap_or_default() })
        }
    }
}

fn target(target: &TrafficTarget) -> Value {
    let mut object = Map::new();
    if target.kind == AllocationType::Latest || target.revision.is_empty() {
        object.insert("latestRevision".to_owned(), true.into());
    } else {
        object.insert("revisionName".to_owned(), target.revision.clone().into());
    }
    if target.percent > 0 {
        object.insert("percent".to_owned(), target.percent.into());
    }
    if !target.tag.is_empty() {
        object.insert("tag".to_owned(), target.tag.clone().into());
    }
    Value::Object(object)
}

/// Returns the name of an ingress setting in version 1.
fn ingress(ingress: &str) -> &'static str {
    match ingress {
        "INGRESS_TRAFFIC_INTERNAL_ONLY" => "internal",
        "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" => "internal-and-cloud-load-balancing",
        _ => "all",
    }
}
