//! Tests of the results of the probe's tool calls.

use std::collections::BTreeSet;

use serde_json::Value;

#[cfg(feature = "json-schema")]
use super::json_schema;
use super::{
    outcome::{Evidence, Findings, StoreFinding, name},
    pattern::Pattern,
    texts::strings,
};
use crate::observations::ToolCall;

/// Tests each call that succeeded. `test` gets the tool and the result.
fn each_call<'e>(
    evidence: &Evidence<'e>,
    mut test: impl FnMut(&'e Value, &'e ToolCall) -> Option<String>,
) -> Findings {
    let tools = evidence.tools()?;
    let calls = evidence.seen.calls.iter();
    let calls = calls.filter(|call| call.result.get("isError") != Some(&Value::Bool(true)));
    let mut calls = calls.peekable();
    if calls.peek().is_none() {
        return Err("the probe got no result of a tool; choose one with --tool".to_owned());
    }
    let found = calls.filter_map(|call| {
        let tool = tools.iter().find(|tool| name(tool) == call.tool)?;
        Some(StoreFinding {
            tool: Some(call.tool.clone()),
            seen: test(tool, call)?,
        })
    });
    Ok(found.collect())
}

fn structured(call: &ToolCall) -> Option<&Value> {
    call.result.get("structuredContent")
}

pub fn has_schema(evidence: &Evidence<'_>) -> Findings {
    each_call(evidence, |tool, call| {
        let bare = structured(call).is_some() && tool.get("outputSchema").is_none();
        bare.then(|| "structuredContent without an outputSchema".to_owned())
    })
}

#[cfg(feature = "json-schema")]
pub fn matches_schema(evidence: &Evidence<'_>) -> Findings {
    each_call(evidence, |tool, call| {
        let schema = tool.get("outputSchema")?;
        match structured(call) {
            Some(content) => json_schema::mismatch(schema, content),
            None => Some("outputSchema, but no structuredContent in the result".to_owned()),
        }
    })
}

pub fn text_fallback(evidence: &Evidence<'_>) -> Findings {
    each_call(evidence, |_, call| {
        structured(call)?;
        let content = call.result.get("content").and_then(Value::as_array);
        let filled = |part: &Value| {
            let text = part.get("text").and_then(Value::as_str);
            text.is_some_and(|text| !text.trim().is_empty())
        };
        let has_text = content.is_some_and(|parts| parts.iter().any(filled));
        (!has_text).then(|| "structuredContent, but no text in content".to_owned())
    })
}

pub fn size(evidence: &Evidence<'_>, max: usize) -> Findings {
    each_call(evidence, |_, call| {
        let size = call.result.to_string().chars().count();
        (size > max).then(|| format!("a result of {size} characters, more than {max}"))
    })
}

pub fn keys_never(evidence: &Evidence<'_>, pattern: &Pattern) -> Findings {
    each_call(evidence, |_, call| {
        let mut found = BTreeSet::new();
        if let Some(content) = structured(call) {
            keys(content, pattern, &mut found);
        }
        let found: Vec<_> = found.into_iter().collect();
        (!found.is_empty()).then(|| format!("the result has {}", found.join(", ")))
    })
}

fn keys<'e>(value: &'e Value, pattern: &Pattern, found: &mut BTreeSet<&'e str>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| keys(value, pattern, found)),
        Value::Object(members) => {
            for (name, value) in members {
                if pattern.is_match(name) {
                    found.insert(name);
                }
                keys(value, pattern, found);
            }
        }
        _ => {}
    }
}

pub fn text_never(evidence: &Evidence<'_>, pattern: &Pattern) -> Findings {
    each_call(evidence, |_, call| {
        let mut texts = Vec::new();
        strings(&call.result, &mut texts);
        let found = texts.iter().any(|text| pattern.is_match(text));
        // The text may be a secret.
        found.then(|| "a text of the result looks like a credential (not shown)".to_owned())
    })
}
