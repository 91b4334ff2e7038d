//! Tests that need a validator of JSON Schema.

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::{
    outcome::{Evidence, Findings},
    rule::Condition,
};

/// The most steps of one pattern of a schema, so that no pattern of a server takes seconds.
const BACKTRACK_LIMIT: usize = 10_000;
/// The largest compiled pattern of a schema, in bytes.
const PATTERN_SIZE: usize = 1024 * 1024;

/// Compiles `schema` under the dialect that it declares; the default is 2020-12. References to other
/// documents are errors: nothing is fetched.
pub fn compile(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(BACKTRACK_LIMIT)
        .size_limit(PATTERN_SIZE);
    jsonschema::options()
        .offline()
        .should_validate_formats(false)
        .with_pattern_options(patterns)
        .build(schema)
}

pub fn valid(evidence: &Evidence<'_>, at: &str) -> Findings {
    evidence.each_tool(&Condition::new(), |tool| {
        let schema = tool.pointer(at)?;
        let error = compile(schema).err()?;
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
    let validator = compile(schema).ok()?;
    let error = validator.validate(instance).err()?;
    let path = error.instance_path().to_string();
    let place = if path.is_empty() { "the root" } else { &path };
    let keyword = error.kind().keyword();
    Some(format!(
        "structuredContent does not match outputSchema at {place} ({keyword})"
    ))
}
