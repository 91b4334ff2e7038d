//! The tools of the server, as the forms ask for them.

use mcpo_common::text::visible;
use serde_json::{Map, Value, json};

use crate::report::Report;

/// The hints that need a justification, with the names of the justifications.
pub const JUSTIFIED: [(&str, &str); 3] = [
    ("readOnlyHint", "read_only"),
    ("openWorldHint", "open_world"),
    ("destructiveHint", "destructive"),
];

/// The most characters of a description.
const LONGEST: usize = 4_000;

/// A tool.
pub struct Tool {
    pub name: String,
    pub title: String,
    pub description: String,
    /// The hints that the server sets.
    pub annotations: Map<String, Value>,
    /// What the probe saw if it called the tool.
    pub observed: Value,
}

impl Tool {
    /// Returns the gap for the justification of a hint.
    pub fn justification(&self, hint: &str) -> String {
        match self.annotations.get(hint) {
            Some(value) => format!("why {hint} is {value}"),
            None => format!("set {hint} first"),
        }
    }
}

pub fn all(report: &Report) -> Vec<Tool> {
    let tools = report.seen.tools.iter().flatten();
    tools.map(|tool| read(tool, report)).collect()
}

fn read(tool: &Value, report: &Report) -> Tool {
    let text = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        visible(text, LONGEST)
    };
    let title = tool.get("title");
    let title = title.or_else(|| tool.pointer("/annotations/title"));
    let hints = [
        "readOnlyHint",
        "destructiveHint",
        "idempotentHint",
        "openWorldHint",
    ];
    let hints = hints.into_iter().filter_map(|hint| {
        let value = tool.get("annotations")?.get(hint)?.as_bool()?;
        Some((hint.to_owned(), Value::Bool(value)))
    });
    let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
    let mut calls = report.seen.calls.iter();
    let observed = match calls.find(|call| call.tool == name) {
        Some(call) => json!({
            "called": true,
            "error": call.result.get("isError") == Some(&Value::Bool(true)),
            "milliseconds": u64::try_from(call.elapsed.as_millis()).unwrap_or(u64::MAX),
            "structured": call.result.get("structuredContent").is_some(),
        }),
        None => json!({"called": false}),
    };
    Tool {
        name: visible(name, LONGEST),
        title: text(title),
        description: text(tool.get("description")),
        annotations: hints.collect(),
        observed,
    }
}
