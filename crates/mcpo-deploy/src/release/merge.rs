//! Merges the wanted service into the current one. Settings made elsewhere, such as a VPC
//! connection or a second container, are kept.

use serde_json::{Map, Value};

use crate::google::is_equivalent;

/// Returns the fields to send.
pub fn onto(current: Option<&Value>, wanted: Value) -> Value {
    let Some(current) = current else {
        return wanted;
    };
    let mut body = wanted;
    let template = body["template"].take();
    let mut merged = current["template"].clone();
    if let Some(fields) = merged.as_object_mut() {
        // A new revision needs a new name.
        if template_is_new(&current["template"], &template) {
            fields.remove("revision");
        }
    }
    let containers = merged_containers(
        &current["template"]["containers"],
        &template["containers"][0],
    );
    lay_over(&mut merged, template);
    merged["containers"] = containers;
    body["template"] = merged;
    let mut labels = current["labels"].clone();
    lay_over(&mut labels, body["labels"].take());
    body["labels"] = labels;
    body
}

/// Returns true if the template changes. The revision's name is part of the template, and an
/// unchanged template must keep it.
fn template_is_new(current: &Value, wanted: &Value) -> bool {
    let mut merged = current.clone();
    lay_over(&mut merged, wanted.clone());
    !is_equivalent(&merged, current)
}

fn merged_containers(current: &Value, ours: &Value) -> Value {
    let mut containers = current.as_array().cloned().unwrap_or_default();
    if containers.is_empty() {
        containers.push(Value::Object(Map::new()));
    }
    for container in &mut containers {
        if let Some(fields) = container.as_object_mut() {
            // Output only; Google rejects it in requests.
            fields.remove("buildInfo");
        }
    }
    lay_over(&mut containers[0], ours.clone());
    containers.into()
}

/// Merges objects field by field; replaces lists and other values as a whole.
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
    use serde_json::json;

    use super::onto;

    #[test]
    fn revision_name_is_kept_if_only_omitted_defaults_differ() {
        let current = json!({ "template": {
            "revision": "x-1", "scaling": { "maxInstanceCount": 4 },
            "containers": [{ "image": "a" }],
        } });
        let wanted = json!({ "labels": {}, "template": {
            "scaling": { "minInstanceCount": 0, "maxInstanceCount": 4 },
            "containers": [{ "image": "a", "env": [] }],
        } });
        let sent = onto(Some(&current), wanted);
        assert_eq!(sent["template"]["revision"], "x-1");
    }

    #[test]
    fn fields_not_set_by_mcpo_are_kept() {
        let current = json!({ "labels": { "team": "a" }, "template": {
            "revision": "x-1", "vpcAccess": { "connector": "c" },
            "containers": [{ "image": "old", "workingDir": "/" }, { "image": "sidecar" }],
        } });
        let wanted = json!({ "labels": { "managed-by": "mcpo" }, "template": {
            "containers": [{ "image": "new" }],
        } });
        assert_eq!(
            onto(Some(&current), wanted),
            json!({ "labels": { "team": "a", "managed-by": "mcpo" }, "template": {
                "vpcAccess": { "connector": "c" },
                "containers": [{ "image": "new", "workingDir": "/" }, { "image": "sidecar" }],
            } })
        );
    }
}
