//! Compares the definitions of a tool.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    change::{Change, ChangeClass},
    compare::{compare_member, compare_scopes, other_members},
    meta,
    schema_changes::{input_changes, output_changes},
};

/// The hints with the values that clients assume if they are missing (MCP 2025-11-25 schema,
/// `ToolAnnotations`).
const HINTS: [(&str, bool); 4] = [
    ("readOnlyHint", false),
    ("destructiveHint", true),
    ("idempotentHint", false),
    ("openWorldHint", true),
];

/// The members that this module compares one by one.
const HANDLED: [&str; 9] = [
    "name",
    "title",
    "description",
    "inputSchema",
    "outputSchema",
    "annotations",
    "securitySchemes",
    "execution",
    "_meta",
];

pub fn compare(old: &Value, new: &Value, path: &str, changes: &mut Vec<Change>) {
    let both = (old, new);
    for text in ["title", "description"] {
        compare_member(both, text, path, ChangeClass::Visible, changes);
    }
    let nothing = json!({});
    let input = |tool: &'_ Value| tool.get("inputSchema").unwrap_or(&nothing).clone();
    changes.extend(below(
        path,
        "inputSchema",
        input_changes(&input(old), &input(new)),
    ));
    compare_output(both, path, changes);
    compare_hints(both, path, changes);
    let scopes = |tool: &Value| scopes(tool).into_iter().collect::<Vec<_>>();
    compare_scopes(
        &format!("{path}/scopes"),
        &scopes(old),
        &scopes(new),
        changes,
    );
    compare_sign_in(both, path, changes);
    compare_tasks(both, path, changes);
    meta::compare(both, path, &["mcpo/scopes", "securitySchemes"], changes);
    for name in other_members(old, new, &HANDLED) {
        // Pictures are for people.
        let class = if name == "icons" {
            ChangeClass::Safe
        } else {
            ChangeClass::Visible
        };
        compare_member(both, name, path, class, changes);
    }
}

fn below(path: &str, member: &str, changes: Vec<Change>) -> impl Iterator<Item = Change> {
    let path = format!("{path}/{member}");
    changes.into_iter().map(move |change| Change {
        path: format!("{path}{}", change.path),
        ..change
    })
}

fn compare_output((old, new): (&Value, &Value), path: &str, changes: &mut Vec<Change>) {
    let at = format!("{path}/outputSchema");
    match (old.get("outputSchema"), new.get("outputSchema")) {
        (Some(old), Some(new)) => {
            changes.extend(below(path, "outputSchema", output_changes(old, new)));
        }
        (Some(_), None) => {
            let what = "removed; clients expect structured results of the old schema";
            changes.push(Change::new(ChangeClass::Breaking, at, what));
        }
        (None, Some(_)) => changes.push(Change::new(ChangeClass::Safe, at, "added")),
        (None, None) => {}
    }
}

/// Compares what the hints mean. An explicit hint with the default value changes nothing.
fn compare_hints((old, new): (&Value, &Value), path: &str, changes: &mut Vec<Change>) {
    let (before, now) = (&old["annotations"], &new["annotations"]);
    let at = format!("{path}/annotations");
    let is_only_reading = |hints: &Value| hints["readOnlyHint"] == json!(true);
    for (hint, default) in HINTS {
        if before.get(hint) == now.get(hint) {
            // The meaning may still depend on another hint, which is reported.
            continue;
        }
        let meaning = |hints: &Value| {
            let said = hints[hint].as_bool().unwrap_or(default);
            // These hints have a meaning only for tools that write.
            match hint {
                "destructiveHint" | "idempotentHint" if is_only_reading(hints) => None,
                _ => Some(said),
            }
        };
        let (class, what) = match (meaning(before), meaning(now)) {
            (then, now) if then == now => (ChangeClass::Safe, "means the same".to_owned()),
            (_, Some(is_set)) => (ChangeClass::Trust, format!("now means {is_set}")),
            (_, None) => (ChangeClass::Trust, "no longer has a meaning".to_owned()),
        };
        let what = match (before.get(hint), now.get(hint)) {
            (None, _) => format!("added; {what}"),
            (_, None) => format!("removed; {what}"),
            _ => what,
        };
        let change = Change::new(class, format!("{at}/{hint}"), what);
        changes.push(change.between(before.get(hint), now.get(hint)));
    }
    let names = HINTS.map(|(name, _)| name);
    for name in other_members(before, now, &names) {
        compare_member((before, now), name, &at, ChangeClass::Visible, changes);
    }
}

/// Returns the scopes that a call of the tool needs, in the two ways of declaring them.
fn scopes(tool: &Value) -> BTreeSet<String> {
    let declared = tool["_meta"]["mcpo/scopes"]
        .as_array()
        .into_iter()
        .flatten();
    let schemes = security_schemes(tool).iter();
    let listed = schemes.flat_map(|scheme| scheme["scopes"].as_array().into_iter().flatten());
    let scopes = declared.chain(listed).filter_map(Value::as_str);
    scopes.map(str::to_owned).collect()
}

/// Returns `securitySchemes` of the Apps SDK of `OpenAI`, which is a member of the tool or of its
/// `_meta`.
fn security_schemes(tool: &Value) -> &[Value] {
    let schemes = tool
        .get("securitySchemes")
        .or_else(|| tool["_meta"].get("securitySchemes"));
    schemes
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Reports a tool that could be called without signing in.
fn compare_sign_in((old, new): (&Value, &Value), path: &str, changes: &mut Vec<Change>) {
    let is_open = |tool: &Value| {
        let mut schemes = security_schemes(tool).iter();
        schemes.any(|scheme| scheme["type"] == "noauth")
    };
    let (was_open, is_open) = (is_open(old), is_open(new));
    let at = format!("{path}/securitySchemes");
    if was_open && !is_open {
        changes.push(Change::new(ChangeClass::Trust, at, "requires a sign-in"));
    } else if is_open && !was_open {
        changes.push(Change::new(
            ChangeClass::Trust,
            at,
            "can be called without a sign-in",
        ));
    }
}

/// Compares `execution.taskSupport` (MCP 2025-11-25, tasks). A client that calls the tool in the old
/// way must still be able to.
fn compare_tasks((old, new): (&Value, &Value), path: &str, changes: &mut Vec<Change>) {
    let support = |tool: &Value| {
        let support = tool["execution"]["taskSupport"].as_str();
        support.unwrap_or("forbidden").to_owned()
    };
    let (before, now) = (support(old), support(new));
    let at = format!("{path}/execution");
    if before != now {
        let class = if now == "optional" {
            ChangeClass::Safe
        } else {
            ChangeClass::Breaking
        };
        let change = Change::new(class, format!("{at}/taskSupport"), "changed");
        changes.push(change.between(Some(&before.into()), Some(&now.into())));
    }
    let (old, new) = (&old["execution"], &new["execution"]);
    for name in other_members(old, new, &["taskSupport"]) {
        compare_member((old, new), name, &at, ChangeClass::Visible, changes);
    }
}

/// Returns the scopes that any of the tools needs.
pub fn scopes_of_all<'v>(tools: impl Iterator<Item = &'v Value>) -> BTreeSet<String> {
    tools.flat_map(scopes).collect()
}

/// Reports the scopes of a new tool that no tool needed before.
pub fn new_scopes(name: &str, tool: &Value, known: &BTreeSet<String>) -> Vec<Change> {
    let needed = scopes(tool);
    let new = needed.difference(known).map(|scope| {
        let what = format!("asks for the scope {scope}");
        Change::new(ChangeClass::Trust, format!("tools/{name}/scopes"), what)
    });
    new.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::contract::{ChangeClass, Contract};

    fn classes(old: Value, new: Value) -> Vec<String> {
        let named = |mut tool: Value| {
            tool["name"] = json!("t");
            Contract::of_tools(&[tool])
        };
        let changes = named(old).changes_to(&named(new));
        let lines = changes
            .iter()
            .map(|change| format!("{} {change}", change.class));
        lines.collect()
    }

    #[test]
    fn a_hint_counts_by_its_meaning() {
        let tool = |hints: Value| json!({"annotations": hints});
        for (old, new, expected) in [
            (json!({}), json!({"destructiveHint": true}), "safe"),
            (json!({"destructiveHint": false}), json!({}), "trust"),
            (json!({"readOnlyHint": false}), json!({}), "safe"),
            (
                json!({"openWorldHint": false}),
                json!({"openWorldHint": true}),
                "trust",
            ),
            (
                json!({"idempotentHint": false}),
                json!({"idempotentHint": true}),
                "trust",
            ),
            (
                json!({"readOnlyHint": true}),
                json!({"readOnlyHint": true, "destructiveHint": true}),
                "safe",
            ),
        ] {
            let found = classes(tool(old.clone()), tool(new.clone()));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(expected), "{old} {new} {found:?}");
        }
        assert_eq!(
            classes(
                tool(json!({"readOnlyHint": true})),
                tool(json!({"readOnlyHint": false}))
            ),
            ["trust tools/t/annotations/readOnlyHint: now means false: true → false"]
        );
    }

    #[test]
    fn each_member_of_a_tool_has_a_class() {
        let old = json!({
            "title": "T", "icons": [1], "outputSchema": {}, "annotations": {"title": "A"},
            "_meta": {"mcpo/scopes": ["read"], "openai/outputTemplate": "ui://a", "note": 1},
            "securitySchemes": [{"type": "noauth"}, {"type": "oauth2", "scopes": ["files"]}],
            "execution": {"taskSupport": "optional"}, "extra": 1,
        });
        let new = json!({
            "description": "D", "annotations": {"title": "B"},
            "_meta": {"mcpo/scopes": ["read", "write"], "openai/outputTemplate": "ui://b", "note": 2},
            "securitySchemes": [{"type": "oauth2", "scopes": ["files"]}],
            "execution": {"taskSupport": "required"}, "extra": 2,
        });
        assert_eq!(
            classes(old, new),
            [
                "breaking tools/t/outputSchema: removed; clients expect structured results of the old schema",
                "breaking tools/t/execution/taskSupport: changed: \"optional\" → \"required\"",
                "trust tools/t/scopes: asks for the scope write",
                "trust tools/t/securitySchemes: requires a sign-in",
                "trust tools/t/_meta/openai/outputTemplate: changed: \"ui://a\" → \"ui://b\"",
                "visible tools/t/title: removed: \"T\"",
                "visible tools/t/description: added: \"D\"",
                "visible tools/t/annotations/title: changed: \"A\" → \"B\"",
                "visible tools/t/_meta/note: changed: 1 → 2",
                "visible tools/t/extra: changed: 1 → 2",
                "safe tools/t/icons: removed: [1]",
            ]
        );
    }

    #[test]
    fn a_new_tool_is_safe_unless_it_needs_a_new_scope() {
        let reading = json!({"name": "a", "_meta": {"mcpo/scopes": ["read"]}});
        let more = json!({"name": "b", "_meta": {"mcpo/scopes": ["read"]}});
        let writing = json!({"name": "c", "_meta": {"mcpo/scopes": ["write"]}});
        let old = Contract::of_tools(std::slice::from_ref(&reading));
        let worst = |tools: &[Value]| old.changes_to(&Contract::of_tools(tools)).worst();
        assert_eq!(
            worst(&[reading.clone(), more.clone()]),
            Some(ChangeClass::Safe)
        );
        assert_eq!(
            worst(&[reading.clone(), more, writing]),
            Some(ChangeClass::Trust)
        );
        assert_eq!(worst(&[]), Some(ChangeClass::Breaking));
        assert_eq!(worst(&[reading]), None);
    }
}
