//! Describes the differences between two services. The lines never contain the value of a variable.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    fields::{path, removed},
    service::variable_source,
};
use crate::{
    google::{
        api::run::{Container, EnvVar, RevisionTemplate, Service},
        are_equal_messages, are_equal_values,
    },
    settings::KEY_RING,
};

/// Returns one line for each difference between the current and the wanted service.
pub fn service(current: Option<&Service>, wanted: &Service) -> Vec<String> {
    let Some(current) = current else {
        return new_service(wanted);
    };
    let mut lines = Vec::new();
    // The client and its version record who wrote the service last; they are not a difference.
    let without_template = |service: &Service| Service {
        client: String::new(),
        client_version: String::new(),
        template: None,
        ..service.clone()
    };
    let (before, after) = (without_template(current), without_template(wanted));
    fields("", &before, &after, &mut lines);
    let removed = removed(current, wanted);
    let removed = removed.iter().filter(|pointer| !is_of_template(pointer));
    lines.extend(removed.map(|pointer| format!("{}: removed", path(pointer))));
    template(current, wanted, &mut lines);
    lines
}

fn is_of_template(pointer: &str) -> bool {
    pointer.starts_with("/template/")
}

/// Returns true if the wanted template needs a new revision.
pub fn template_differs(current: &Service, wanted: &Service) -> bool {
    let mut lines = Vec::new();
    template(current, wanted, &mut lines);
    !lines.is_empty()
}

fn new_service(wanted: &Service) -> Vec<String> {
    let template = wanted.template.clone().unwrap_or_default();
    let container = template.containers.first().cloned().unwrap_or_default();
    let limits = container.resources.unwrap_or_default().limits;
    let limit = |name: &str| limits.get(name).map_or("default", String::as_str);
    let scaling = template.scaling.unwrap_or_default();
    let access = if wanted.invoker_iam_disabled == Some(true) {
        "public"
    } else {
        "private"
    };
    let mut lines = vec![format!(
        "service, {access}, {} CPU, {}, {} to {} instances",
        limit("cpu"),
        limit("memory"),
        scaling.min_instance_count.unwrap_or_default(),
        scaling.max_instance_count.unwrap_or_default(),
    )];
    if let Some(policy) = &wanted.binary_authorization {
        let name = match &*policy.policy {
            "" => "the default policy of the project",
            name => name,
        };
        lines.push(format!("Binary Authorization: {name}"));
    }
    for variable in &container.env {
        let source = variable_source(variable);
        lines.push(format!("variable {}: {source}", variable.name));
    }
    let mut passed: Vec<_> = wanted.passed.keys().map(|pointer| path(pointer)).collect();
    if !passed.is_empty() {
        passed.sort();
        lines.push(format!("also {}", passed.join(", ")));
    }
    lines
}

fn template(current: &Service, wanted: &Service, lines: &mut Vec<String>) {
    let removed = removed(current, wanted);
    let removed = removed.iter().filter(|pointer| is_of_template(pointer));
    lines.extend(removed.map(|pointer| format!("{}: removed", path(pointer))));
    let template_of = |service: &Service| service.template.clone().unwrap_or_default();
    let (current, wanted) = (template_of(current), template_of(wanted));
    let first = |template: &RevisionTemplate| template.containers.first().cloned();
    if let Some(after) = first(&wanted) {
        container(&first(&current).unwrap_or_default(), &after, lines);
    }
    for after in wanted.containers.iter().skip(1) {
        let name = after.other.get("name");
        let mut others = current.containers.iter().skip(1);
        let before = others.find(|one| one.other.get("name") == name);
        let mut of_container = Vec::new();
        container(
            &before.cloned().unwrap_or_default(),
            after,
            &mut of_container,
        );
        let name = name.and_then(Value::as_str).unwrap_or_default();
        lines.extend(
            of_container
                .iter()
                .map(|line| format!("container {name}: {line}")),
        );
    }
    let without_containers = |template: RevisionTemplate| RevisionTemplate {
        containers: Vec::new(),
        ..template
    };
    let (before, after) = (without_containers(current), without_containers(wanted));
    fields("", &before, &after, lines);
}

fn container(current: &Container, wanted: &Container, lines: &mut Vec<String>) {
    variables(&current.env, &wanted.env, lines);
    if current.image != wanted.image {
        let (before, after) = (&*current.image, &*wanted.image);
        let (short_before, short_after) = (digest(before), digest(after));
        // With the short digests, a change of the image's name alone would look like no change.
        lines.push(if short_before == short_after {
            format!("image: {before} → {after}")
        } else {
            format!("image: {short_before} → {short_after}")
        });
    }
    let rest = |container: &Container| Container {
        env: Vec::new(),
        image: String::new(),
        ..container.clone()
    };
    fields("", &rest(current), &rest(wanted), lines);
}

fn variables(current: &[EnvVar], wanted: &[EnvVar], lines: &mut Vec<String>) {
    let find = |list: &'_ [EnvVar], name: &str| list.iter().find(|one| one.name == name).cloned();
    for variable in wanted {
        let name = &variable.name;
        match find(current, name) {
            None => lines.push(format!(
                "variable {name}: new, {}",
                variable_source(variable)
            )),
            Some(old) if !are_equal_messages(&old, variable) => {
                let secret = |one: &EnvVar| one.secret().map(|reference| reference.secret.clone());
                // The variable refers to another secret, not to another version of the same secret.
                let is_other_ring = name == KEY_RING && secret(&old) != secret(variable);
                lines.push(format!(
                    "variable {name}: changed, {}{}",
                    variable_source(variable),
                    if is_other_ring {
                        "; all users must sign in again"
                    } else {
                        ""
                    }
                ));
            }
            Some(_) => {}
        }
    }
    for variable in current
        .iter()
        .filter(|old| find(wanted, &old.name).is_none())
    {
        lines.push(format!("variable {}: removed", variable.name));
    }
}

/// Compares the fields of the wanted message only. Fields that Google adds are not a difference.
fn fields(path: &str, current: &impl Serialize, wanted: &impl Serialize, lines: &mut Vec<String>) {
    let current = serde_json::to_value(current).unwrap_or_default();
    let wanted = serde_json::to_value(wanted).unwrap_or_default();
    compare(path, &current, &wanted, lines);
}

fn compare(path: &str, current: &Value, wanted: &Value, lines: &mut Vec<String>) {
    let (no_fields, no_items) = (Map::new(), Vec::new());
    match wanted {
        Value::Object(wanted) => {
            let current = current.as_object().unwrap_or(&no_fields);
            for (name, value) in wanted {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                let before = current.get(name).unwrap_or(&Value::Null);
                compare(&path, before, value, lines);
            }
        }
        Value::Array(wanted) => {
            let current = current.as_array().unwrap_or(&no_items);
            for (index, item) in wanted.iter().enumerate() {
                let before = current.get(index).unwrap_or(&Value::Null);
                compare(&format!("{path}[{index}]"), before, item, lines);
            }
            for index in wanted.len()..current.len() {
                lines.push(format!("{path}[{index}]: removed"));
            }
        }
        _ if are_equal_values(current, wanted) => {}
        _ if current.is_null() => lines.push(format!("{path}: {}", plain(wanted))),
        _ => lines.push(format!("{path}: {} → {}", plain(current), plain(wanted))),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the first 12 digits of an image's digest.
fn digest(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((_, digest)) => digest.chars().take(12).collect(),
        None if image.is_empty() => "none".to_owned(),
        None => image.to_owned(),
    }
}
