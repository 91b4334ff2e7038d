//! Compares resources, resource templates and prompts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    change::{Change, ChangeClass},
    compare::{compare_member, other_members},
    meta,
};

pub fn resource(old: &Value, new: &Value, path: &str, changes: &mut Vec<Change>) {
    let both = (old, new);
    // A client that reads the resource expects the type. An unknown type promised nothing.
    let class = if old.get("mimeType").is_some() {
        ChangeClass::Breaking
    } else {
        ChangeClass::Safe
    };
    compare_member(both, "mimeType", path, class, changes);
    meta::compare(both, path, &[], changes);
    texts(
        both,
        path,
        &["uri", "uriTemplate", "mimeType", "_meta"],
        changes,
    );
}

pub fn prompt(old: &Value, new: &Value, path: &str, changes: &mut Vec<Change>) {
    let both = (old, new);
    let (before, now) = (arguments(old), arguments(new));
    for (name, argument) in &before {
        let at = format!("{path}/arguments/{name}");
        let Some(next) = now.get(name) else {
            changes.push(Change::new(ChangeClass::Breaking, at, "removed"));
            continue;
        };
        let change = match (is_required(argument), is_required(next)) {
            (false, true) => Some((ChangeClass::Breaking, "now required")),
            (true, false) => Some((ChangeClass::Safe, "no longer required")),
            _ => None,
        };
        changes.extend(change.map(|(class, what)| Change::new(class, &at, what)));
        texts((argument, next), &at, &["name", "required"], changes);
    }
    for (name, argument) in now.iter().filter(|(name, _)| !before.contains_key(*name)) {
        let at = format!("{path}/arguments/{name}");
        changes.push(if is_required(argument) {
            Change::new(ChangeClass::Breaking, at, "added, and required")
        } else {
            Change::new(ChangeClass::Safe, at, "added")
        });
    }
    meta::compare(both, path, &[], changes);
    texts(both, path, &["name", "arguments", "_meta"], changes);
}

fn arguments(prompt: &Value) -> BTreeMap<&str, &Value> {
    let arguments = prompt["arguments"].as_array().into_iter().flatten();
    let named = arguments.filter_map(|argument| Some((argument["name"].as_str()?, argument)));
    named.collect()
}

fn is_required(argument: &Value) -> bool {
    argument["required"] == json!(true)
}

/// Compares all members that are not in `handled`: texts and annotations.
fn texts(both: (&Value, &Value), path: &str, handled: &[&str], changes: &mut Vec<Change>) {
    for name in other_members(both.0, both.1, handled) {
        let class = if name == "icons" {
            ChangeClass::Safe
        } else {
            ChangeClass::Visible
        };
        compare_member(both, name, path, class, changes);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{prompt, resource};

    #[test]
    fn changes_of_resources_have_a_class() {
        let old = json!({"uri": "x:1", "name": "n", "mimeType": "text/plain",
            "_meta": {"ui": {"csp": {"connectDomains": ["https://a"]}}}});
        let new = json!({"uri": "x:1", "name": "m", "mimeType": "text/html",
            "_meta": {"ui": {"csp": {"connectDomains": ["https://b"]}}}});
        let mut changes = Vec::new();
        resource(&old, &new, "resources/x:1", &mut changes);
        let found: Vec<_> = changes
            .iter()
            .map(|change| (change.class.name(), &*change.path))
            .collect();
        assert_eq!(
            found,
            [
                ("breaking", "resources/x:1/mimeType"),
                ("trust", "resources/x:1/_meta/ui"),
                ("visible", "resources/x:1/name"),
            ]
        );
    }

    #[test]
    fn changes_of_prompts_have_a_class() {
        let old = json!({"name": "p", "arguments": [
            {"name": "a", "required": true}, {"name": "b"}, {"name": "c"}, {"name": "d"}]});
        let new = json!({"name": "p", "arguments": [
            {"name": "e", "required": true}, {"name": "f"}, {"name": "b", "required": true},
            {"name": "a"}, {"name": "d", "description": "D"}]});
        let mut changes = Vec::new();
        prompt(&old, &new, "prompts/p", &mut changes);
        let found: Vec<_> = changes
            .iter()
            .map(|change| format!("{} {change}", change.class))
            .collect();
        assert_eq!(
            found,
            [
                "safe prompts/p/arguments/a: no longer required",
                "breaking prompts/p/arguments/b: now required",
                "breaking prompts/p/arguments/c: removed",
                "visible prompts/p/arguments/d/description: added: \"D\"",
                "breaking prompts/p/arguments/e: added, and required",
                "safe prompts/p/arguments/f: added",
            ]
        );
    }
}
