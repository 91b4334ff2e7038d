//! Tests that need a validator of JSON Schema.

use serde_json::Value;

use super::{
    outcome::{Evidence, Findings},
    rule::Condition,
};
use crate::json_schema::{Formats, compile};

pub fn valid(evidence: &Evidence<'_>, at: &str) -> Findings {
    evidence.each_tool(&Condition::new(), |tool| {
        let schema = tool.pointer(at)?;
        let error = compile(schema, Formats::Ignored).err()?;
        // The path is that of the metaschema's instance, which is the schema.
        let path = error.instance_path().to_string();
        let place = if path.is_empty() { "the root" } else { &path };
        let keyword = error.kind().keyword();
        Some(format!(
            "{} is not valid at {place} ({keyword})",
            at.trim_start_matches('/')
        ))
    })
}

/// Returns the first difference between `instance` and `schema`, without the value.
pub fn mismatch(schema: &Value, instance: &Value) -> Option<String> {
    // Whether the schema is valid is another rule.
    let validator = compile(schema, Formats::Ignored).ok()?;
    let error = validator.validate(instance).err()?;
    let path = error.instance_path().to_string();
    let place = if path.is_empty() { "the root" } else { &path };
    let keyword = error.kind().keyword();
    Some(format!(
        "structuredContent does not match outputSchema at {place} ({keyword})"
    ))
}
