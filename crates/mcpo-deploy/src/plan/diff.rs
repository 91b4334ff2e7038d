//! Describes the differences between two services. The lines never contain the value of a variable.

use serde_json::Value;

use super::service::variable_source;
use crate::{google::is_equivalent, settings::KEY_RING};

/// Returns one line for each difference between the current and the wanted service.
pub fn service(current: Option<&Value>, wanted: &Value) -> Vec<String> {
    let Some(current) = current else {
        return new_service(wanted);
    };
    let mut lines = Vec::new();
    for (name, value) in wanted.as_object().into_iter().flatten() {
        match name.as_str() {
            // The client and its version record who wrote the service last; they are not a
            // difference.
            "client" | "clientVersion" => {}
            "template" => template(&current["template"], value, &mut lines),
            _ => compare(name, &current[name], value, &mut lines),
        }
    }
    lines
}

/// Returns true if the wanted template needs a new revision.
pub fn template_differs(current: &Value, wanted: &Value) -> bool {
    let mut lines = Vec::new();
    template(&current["template"], &wanted["template"], &mut lines);
    !lines.is_empty()
}

fn new_service(wanted: &Value) -> Vec<String> {
    let container = &wanted["template"]["containers"][0];
    let limits = &container["resources"]["limits"];
    let scaling = &wanted["template"]["scaling"];
    let access = if wanted["invokerIamDisabled"] == true {
        "public"
    } else {
        "private"
    };
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let mut lines = vec![format!(
        "service, {access}, {} CPU, {}, {} to {} instances",
        text(&limits["cpu"]),
        text(&limits["memory"]),
        scaling["minInstanceCount"],
        scaling["maxInstanceCount"],
    )];
    for variable in container["env"].as_array().into_iter().flatten() {
        lines.push(format!(
            "variable {}: {}",
            text(&variable["name"]),
            variable_source(variable)
        ));
    }
    lines
}

fn template(current: &Value, wanted: &Value, lines: &mut Vec<String>) {
    for (name, value) in wanted.as_object().into_iter().flatten() {
        if name == "containers" {
            container(&current["containers"][0], &value[0], lines);
        } else {
            compare(name, &current[name], value, lines);
        }
    }
}

fn container(current: &Value, wanted: &Value, lines: &mut Vec<String>) {
    for (name, value) in wanted.as_object().into_iter().flatten() {
        match name.as_str() {
            "env" => variables(&current["env"], value, lines),
            "image" if current["image"] != *value => {
                let (before, after) = (&current["image"], value);
                let (short_before, short_after) = (digest(before), digest(after));
                // With the short digests, a change of the image's name alone would look like no
                // change.
                lines.push(if short_before == short_after {
                    format!("image: {} → {}", plain(before), plain(after))
                } else {
                    format!("image: {short_before} → {short_after}")
                });
            }
            "image" => {}
            _ => compare(name, &current[name], value, lines),
        }
    }
}

fn variables(current: &Value, wanted: &Value, lines: &mut Vec<String>) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (current, wanted) = (list(current), list(wanted));
    let find = |list: &[Value], name: &Value| list.iter().find(|one| one["name"] == *name).cloned();
    let text = |name: &Value| name.as_str().unwrap_or_default().to_owned();
    for variable in &wanted {
        let name = &variable["name"];
        match find(&current, name) {
            None => lines.push(format!(
                "variable {}: new, {}",
                text(name),
                variable_source(variable)
            )),
            Some(old) if !is_equivalent(&old, variable) => {
                let secret = |one: &Value| one["valueSource"]["secretKeyRef"]["secret"].clone();
                // The variable refers to another secret, not to another version of the same secret.
                let is_other_ring = name == KEY_RING && secret(&old) != secret(variable);
                lines.push(format!(
                    "variable {}: changed, {}{}",
                    text(name),
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
        .filter(|old| find(&wanted, &old["name"]).is_none())
    {
        lines.push(format!("variable {}: removed", text(&variable["name"])));
    }
}

/// Compares the wanted fields only. Fields that Google adds are not a difference.
fn compare(path: &str, current: &Value, wanted: &Value, lines: &mut Vec<String>) {
    match wanted {
        Value::Object(fields) => {
            for (name, value) in fields {
                compare(&format!("{path}.{name}"), &current[name], value, lines);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                compare(&format!("{path}[{index}]"), &current[index], item, lines);
            }
        }
        _ if is_equivalent(current, wanted) => {}
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
fn digest(image: &Value) -> String {
    let image = image.as_str().unwrap_or("none");
    match image.split_once("@sha256:") {
        Some((_, digest)) => digest.chars().take(12).collect(),
        None => image.to_owned(),
    }
}

/// Describes a traffic allocation.
pub fn shares(traffic: &Value) -> String {
    let targets: Vec<_> = traffic
        .as_array()
        .into_iter()
        .flatten()
        .map(|target| {
            let who = target["revision"].as_str().unwrap_or("latest");
            let percent = target["percent"].as_i64().unwrap_or(0);
            match target["tag"].as_str() {
                Some(tag) if percent == 0 => format!("{tag} at {who}"),
                _ => format!("{percent} % {who}"),
            }
        })
        .collect();
    if targets.is_empty() {
        "100 % latest".to_owned()
    } else {
        targets.join(", ")
    }
}
