//! The files of a plugin, as the portal of ChatGPT imports them (`OpenAI` plugin submission, read on
//! 2026-10-05). A gap is a text that starts with `TODO:`, so that the portal refuses it.

use serde_json::{Map, Value, json};

use super::{
    fields::{self, Content, Field},
    json::{NEGATIVE, POSITIVE},
    tools,
};
use crate::report::Report;

const PLUGIN: &str = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json";
const MCP: &str = "https://agent-plugins.org/schemas/1.0.0/mcp.schema.json";

/// Names of members of `interface`, and the fields that fill them.
const INTERFACE: [(&str, &str); 9] = [
    ("displayName", "display_name"),
    ("shortDescription", "subtitle"),
    ("longDescription", "description"),
    ("developerName", "developer_name"),
    ("category", "category"),
    ("websiteURL", "website_url"),
    ("supportURL", "support"),
    ("privacyPolicyURL", "privacy_policy_url"),
    ("termsOfServiceURL", "terms_url"),
];

/// Returns `plugin.json`.
pub fn plugin(report: &Report) -> String {
    let fields = fields::all(report);
    let text = |name: &str| text(&fields, name);
    let interface = INTERFACE
        .iter()
        .map(|(member, name)| ((*member).to_owned(), text(name)));
    let document = json!({
        "$schema": PLUGIN,
        "name": text("package_name"),
        "version": text("version"),
        "description": text("description"),
        "author": {"name": text("developer_name")},
        "homepage": text("website_url"),
        "extensions": {"com.openai": {
            "interface": interface.collect::<Map<_, _>>(),
            "review": {
                "test_cases": test_cases(report),
                "demo_recording_url": text("demo_recording_url"),
                "commerce": text("commerce"),
            },
            "publication": {
                "countries": text("countries"),
                "release_notes": text("release_notes"),
            },
        }},
    });
    format!("{document:#}\n")
}

/// Returns `mcp.json`.
pub fn mcp(report: &Report) -> String {
    let name = text(&fields::all(report), "package_name");
    let name = name.as_str().unwrap_or_default();
    let server = json!({"type": "streamable-http", "url": report.target.shown()});
    let document = json!({"$schema": MCP, "mcpServers": {name: server}});
    format!("{document:#}\n")
}

/// Returns the value or the draft of a field, or its gap.
fn text(fields: &[Field], name: &str) -> Value {
    let field = fields.iter().find(|field| field.name == name);
    match field.map(|field| &field.content) {
        Some(Content::Value { value, .. }) => value.clone(),
        Some(Content::Draft { text, .. }) => json!(text),
        Some(Content::Todo(todo)) => json!(format!("TODO: {todo}")),
        None => json!("TODO"),
    }
}

fn test_cases(report: &Report) -> Value {
    let tools = tools::all(report);
    let positive = (0..POSITIVE).map(|index| {
        let proposed = tools.get(index).or_else(|| tools.first());
        json!({
            "description": "TODO: what the case shows",
            "prompt": "TODO: what a user writes",
            "tools_triggered": proposed.map_or("", |tool| &tool.name),
            "expected_behavior": "TODO: what the user sees",
        })
    });
    let negative = json!({
        "description": "TODO: what the case shows",
        "prompt": "TODO: a request that must not use this server",
    });
    json!({"positive": positive.collect::<Vec<_>>(), "negative": vec![negative; NEGATIVE]})
}
