//! Merges the wanted service into the current one. Settings made elsewhere, such as a VPC
//! connection or a second container, are kept.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    google::{
        api::{
            Other,
            run::{Container, RevisionTemplate, Service},
        },
        are_equal_messages,
    },
    plan,
};

/// Returns the fields to send.
pub fn onto(current: Option<&Service>, wanted: Service) -> serde_json::Result<Service> {
    let Some(current) = current else {
        return Ok(wanted);
    };
    let removed = plan::removed(current, &wanted);
    let base = plan::without(current, &removed);
    let mut template = wanted.template.clone().unwrap_or_default();
    let containers = std::mem::take(&mut template.containers);
    let under = base.template.clone().unwrap_or_default();
    let mut merged = laid_over(&under, &template)?;
    merged.containers = match containers.split_first() {
        Some((ours, others)) => merged_containers(&under.containers, ours, others)?,
        None => under.containers.clone(),
    };
    let before = current.template.clone().unwrap_or_default();
    // A new revision needs a new name. An unchanged template must keep its name, which is part of
    // the template.
    if !are_equal_messages(&without_build_info(before), &merged) {
        merged.revision = String::new();
    }
    let mut labels = current.labels.clone();
    labels.extend(wanted.labels.clone());
    let (other, scaling) = passed_fields(&base, &wanted, &removed);
    let policy = &wanted.binary_authorization;
    // The field mask contains the policy.
    let policy = policy.as_ref().or(current.binary_authorization.as_ref());
    Ok(Service {
        template: Some(merged),
        labels,
        other,
        scaling,
        binary_authorization: policy.cloned(),
        ..wanted
    })
}

/// Returns the service's own fields that settings pass through, or passed through before: merged
/// with what other tools set in them.
fn passed_fields(base: &Service, wanted: &Service, removed: &[String]) -> (Other, Option<Value>) {
    let (mut other, mut scaling) = (Other::new(), None);
    for name in plan::service_fields(wanted.passed.keys().chain(removed)) {
        let of = |service: &Service| match &*name {
            "scaling" => service.scaling.clone(),
            _ => service.other.get(&name).cloned(),
        };
        let mut value = of(base).unwrap_or_default();
        if let Some(over) = of(wanted) {
            lay_over(&mut value, over);
        }
        if value.is_null() {
            continue;
        }
        if name == "scaling" {
            scaling = Some(value);
        } else {
            other.insert(name, value);
        }
    }
    (other, scaling)
}

fn merged_containers(
    current: &[Container],
    ours: &Container,
    others: &[Container],
) -> serde_json::Result<Vec<Container>> {
    let mut containers: Vec<_> = current.iter().cloned().map(for_request).collect();
    let first = match containers.first() {
        Some(first) => laid_over(first, ours)?,
        None => ours.clone(),
    };
    containers.splice(..containers.len().min(1), [first]);
    for other in others {
        let name = other.other.get("name");
        let mut kept = containers.iter_mut().skip(1);
        match kept.find(|one| one.other.get("name") == name) {
            Some(one) => *one = laid_over(one, other)?,
            None => containers.push(other.clone()),
        }
    }
    Ok(containers)
}

fn without_build_info(template: RevisionTemplate) -> RevisionTemplate {
    RevisionTemplate {
        containers: template.containers.into_iter().map(for_request).collect(),
        ..template
    }
}

/// Removes the fields that Google rejects in requests.
fn for_request(container: Container) -> Container {
    Container {
        build_info: None,
        ..container
    }
}

/// Merges messages field by field. Lists and other values are replaced as a whole.
fn laid_over<T: Serialize + DeserializeOwned>(under: &T, over: &T) -> serde_json::Result<T> {
    let mut merged = serde_json::to_value(under)?;
    lay_over(&mut merged, serde_json::to_value(over)?);
    serde_json::from_value(merged)
}

fn lay_over(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                lay_over(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::onto;

    fn merged(current: Value, wanted: Value) -> Value {
        let current = serde_json::from_value(current).unwrap();
        let wanted = serde_json::from_value(wanted).unwrap();
        serde_json::to_value(onto(Some(&current), wanted).unwrap()).unwrap()
    }

    #[test]
    fn revision_name_is_kept_if_only_omitted_defaults_differ() {
        let current = json!({ "template": {
            "revision": "x-1", "scaling": { "maxInstanceCount": 4 },
            "containers": [{ "image": "a", "buildInfo": { "sourceLocation": "s" } }],
        } });
        let wanted = json!({ "labels": {}, "template": {
            "scaling": { "minInstanceCount": 0, "maxInstanceCount": 4 },
            "containers": [{ "image": "a", "env": [] }],
        } });
        assert_eq!(merged(current, wanted)["template"]["revision"], "x-1");
    }

    #[test]
    fn fields_not_set_by_mcpo_are_kept() {
        let current = json!({ "labels": { "team": "a" }, "template": {
            "revision": "x-1", "vpcAccess": { "connector": "c" },
            "scaling": { "minInstanceCount": 3, "cpuUtilization": 0.5 },
            "containers": [
                { "image": "old", "workingDir": "/", "buildInfo": {},
                  "resources": { "limits": { "nvidia.com/gpu": "1" } },
                  "startupProbe": { "initialDelaySeconds": 3, "httpGet": { "port": 1 } } },
                { "image": "sidecar" },
            ],
        } });
        let wanted = json!({ "labels": { "managed-by": "mcpo" }, "template": {
            "scaling": { "minInstanceCount": 0 },
            "containers": [{ "image": "new", "resources": { "limits": { "cpu": "1" } },
                             "startupProbe": { "httpGet": { "path": "/health" } } }],
        } });
        assert_eq!(
            merged(current, wanted),
            json!({ "labels": { "team": "a", "managed-by": "mcpo" }, "template": {
                "vpcAccess": { "connector": "c" },
                "scaling": { "minInstanceCount": 0, "cpuUtilization": 0.5 },
                "containers": [
                    { "image": "new", "workingDir": "/",
                      "resources": { "limits": { "cpu": "1", "nvidia.com/gpu": "1" } },
                      "startupProbe": { "initialDelaySeconds": 3,
                                        "httpGet": { "port": 1, "path": "/health" } } },
                    { "image": "sidecar" },
                ],
            } })
        );
    }
}
