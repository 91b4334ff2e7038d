//! Values that a description lists in words, although a schema could list them.

use crate::store_rules::{Evidence, Findings, Pattern, each_property, finding};

/// Finds arguments of type string whose description lists the allowed values.
pub fn in_text(evidence: &Evidence<'_>, pattern: &Pattern) -> Findings {
    let mut found = Vec::new();
    for tool in evidence.tools()? {
        each_property(&tool["inputSchema"], &mut |name, schema| {
            let is_free = [
                "enum", "const", "pattern", "format", "anyOf", "oneOf", "$ref",
            ]
            .iter()
            .all(|keyword| schema.get(keyword).is_none());
            let description = schema["description"].as_str().unwrap_or_default();
            if schema["type"] == "string" && is_free && pattern.is_match(description) {
                let seen = format!("argument {name}: \"{description}\"");
                found.push(finding(Some(tool), seen));
            }
        });
    }
    Ok(found)
}
