//! Validates requests and responses against Google's published schemas, field by field.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::facts::{Api, Found};

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client: must not contain output-only fields.
    Request,
    /// From the client, for an existing resource: fields that are not sent are kept.
    Change,
    /// From the stand-in.
    Answer,
}

/// Validates a message against the schema with this name.
pub fn check(api: &Api, schema: &str, message: &Value, direction: Direction) -> Result<(), String> {
    let checker = Checker { api, direction };
    checker.check(api.schema(schema), message, "")
}

/// Validates the query of a request.
pub fn check_query(found: &Found, query: &BTreeMap<String, Vec<String>>) -> Result<(), String> {
    let own = &found.method.parameters;
    for (name, values) in query {
        // `google-cloud-run` requests enums as numbers; the stand-in responds with names, which it
        // accepts as well.
        if name == "$alt" {
            continue;
        }
        let facts = match &own[name] {
            Value::Null => &found.api.common_parameters()[name],
            facts if facts["location"] == "path" => &Value::Null,
            facts => facts,
        };
        if facts.is_null() && !(found.is_upload && name == "upload_id") {
            return Err(format!(
                "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter."
            ));
        }
        for value in values {
            check_parameter(name, facts, value)?;
        }
    }
    for (name, facts) in own.as_object().into_iter().flatten() {
        if facts["required"] == true && facts["location"] == "query" && !query.contains_key(name) {
            return Err(format!("Required parameter: {name}"));
        }
    }
    Ok(())
}

fn check_parameter(name: &str, facts: &Value, value: &str) -> Result<(), String> {
    let good = match facts["type"].as_str() {
        Some("integer") => value.parse::<i64>().is_ok(),
        // Google's Python clients also send `False`.
        Some("boolean") => ["true", "false"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(value)),
        _ => facts["enum"]
            .as_array()
            .is_none_or(|allowed| allowed.iter().any(|one| one == value)),
    };
    if good {
        Ok(())
    } else {
        Err(format!("Invalid value at '{name}': {value:?}"))
    }
}

struct Checker<'a> {
    api: &'a Api,
    direction: Direction,
}

impl Checker<'_> {
    fn check(&self, facts: &Value, value: &Value, at: &str) -> Result<(), String> {
        if let Some(name) = facts["$ref"].as_str() {
            return self.check(self.api.schema(name), value, at);
        }
        match facts["type"].as_str() {
            Some("object") => self.check_object(facts, value, at),
            Some("array") => {
                let items = value.as_array().ok_or_else(|| wrong(at, "a list", value))?;
                items.iter().enumerate().try_for_each(|(index, item)| {
                    self.check(&facts["items"], item, &format!("{at}[{index}]"))
                })
            }
            Some("string") => check_string(facts, value, at),
            Some("boolean") if !value.is_boolean() => Err(wrong(at, "a boolean", value)),
            Some("integer") if !value.is_i64() => Err(wrong(at, "an integer", value)),
            Some("number") if !value.is_number() => Err(wrong(at, "a number", value)),
            Some("boolean" | "integer" | "number" | "any") => Ok(()),
            other => Err(format!(
                "the schema has no known type for '{at}': {other:?}"
            )),
        }
    }

    fn check_object(&self, facts: &Value, value: &Value, at: &str) -> Result<(), String> {
        let fields = value
            .as_object()
            .ok_or_else(|| wrong(at, "an object", value))?;
        for (name, field) in fields {
            let here = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            let known = match &facts["properties"][name] {
                Value::Null => &facts["additionalProperties"],
                known => known,
            };
            if known.is_null() {
                return Err(format!(
                    "Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."
                ));
            }
            if self.direction != Direction::Answer && known["readOnly"] == true {
                return Err(format!("'{here}' is output only"));
            }
            self.check(known, field, &here)?;
        }
        for (name, known) in facts["properties"].as_object().into_iter().flatten() {
            let is_whole = match self.direction {
                Direction::Request => true,
                Direction::Change => !at.is_empty(),
                Direction::Answer => false,
            };
            if is_whole
                && known["x-required"] == true
                && !fields.contains_key(name)
                && !is_filled_in_by_google(name)
            {
                return Err(format!("Required field '{name}' at '{at}' is not set."));
            }
        }
        Ok(())
    }
}

/// These fields are required only for other methods of the same schema.
fn is_filled_in_by_google(name: &str) -> bool {
    matches!(name, "acl" | "template" | "steps")
}

fn check_string(facts: &Value, value: &Value, at: &str) -> Result<(), String> {
    let format = facts["format"].as_str().unwrap_or_default();
    if matches!(format, "int64" | "uint64") && value.is_i64() {
        return Ok(());
    }
    if let (Some(allowed), Some(number)) = (facts["enum"].as_array(), value.as_u64()) {
        let known = usize::try_from(number).is_ok_and(|number| number < allowed.len());
        return if known {
            Ok(())
        } else {
            Err(wrong(at, "a known enum number", value))
        };
    }
    let text = value.as_str().ok_or_else(|| wrong(at, "a string", value))?;
    if let Some(allowed) = facts["enum"].as_array()
        && !allowed.iter().any(|one| one == text)
    {
        return Err(format!("Invalid value at '{at}' (TYPE_ENUM), \"{text}\""));
    }
    let good = match format {
        "int64" | "uint64" => text.parse::<i64>().is_ok(),
        "byte" => BASE64_STANDARD.decode(text).is_ok(),
        "google-duration" => text
            .strip_suffix('s')
            .is_some_and(|seconds| seconds.parse::<f64>().is_ok()),
        "google-datetime" | "date-time" => text.contains('T') && text.ends_with('Z'),
        _ => true,
    };
    if good {
        Ok(())
    } else {
        Err(wrong(at, format, value))
    }
}

fn wrong(at: &str, wanted: &str, value: &Value) -> String {
    format!("Invalid value at '{at}': {value} is not {wanted}")
}
