//! Compares `_meta`, where extensions declare what a tool or a resource may do.

use serde_json::Value;

use super::{
    change::{Change, ChangeClass},
    compare::{compare_member, other_members},
};

pub fn compare(
    (old, new): (&Value, &Value),
    path: &str,
    handled: &[&str],
    changes: &mut Vec<Change>,
) {
    let (old, new) = (&old["_meta"], &new["_meta"]);
    let at = format!("{path}/_meta");
    for name in other_members(old, new, handled) {
        compare_member((old, new), name, &at, class(name), changes);
    }
}

/// The extensions for user interfaces declare here which page the client runs, which hosts the page
/// may contact, and whether the page may call the tool (MCP Apps, `ui`; Apps SDK of `OpenAI`,
/// `openai/…`). Their texts are for the model and for the user.
fn class(name: &str) -> ChangeClass {
    let is_text = name.starts_with("openai/toolInvocation/") || name == "openai/widgetDescription";
    let is_interface = name == "ui" || name.starts_with("ui/") || name.starts_with("openai/");
    if is_interface && !is_text {
        ChangeClass::Trust
    } else {
        ChangeClass::Visible
    }
}
