//! The fields of a service in Cloud Run's API, version 2: their names, types and enum values.
//!
//! `fields.json` is an extract of Google's API description. A unit test compares it with the
//! description that the tests use. To write it again, run the test with `MCPO_WRITE_FIELDS=1`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

/// The fields of one message, by their names.
pub type Message = BTreeMap<String, Field>;

/// The message that describes a service.
pub const SERVICE: &str = "Service";

static MESSAGES: LazyLock<BTreeMap<String, Message>> = LazyLock::new(|| {
    // A unit test parses the same file, so parsing cannot fail here.
    serde_json::from_str(include_str!("fields.json")).unwrap_or_default()
});

/// The type of a field.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Field {
    /// The accepted values.
    Enum(Vec<String>),
    /// `string`, `boolean`, `int32`, `int64`, `float`, `duration`, `map` (of strings), `read-only`,
    /// the name of a message, or `[TYPE]` for a list. A required field ends with `!`.
    Named(String),
}

impl Field {
    pub fn is_required(&self) -> bool {
        matches!(self, Self::Named(name) if name.ends_with('!'))
    }

    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Named(name) if name == "read-only")
    }
}

/// Returns the fields of a message.
pub fn message(name: &str) -> Option<&'static Message> {
    MESSAGES.get(name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use serde_json::{Value, json};

    use super::MESSAGES;

    const PREFIX: &str = "GoogleCloudRunV2";

    fn short(reference: &Value) -> Option<String> {
        let name = reference["$ref"].as_str()?;
        Some(name.strip_prefix(PREFIX).unwrap().to_owned())
    }

    fn type_of(field: &Value) -> Value {
        if field["readOnly"] == true {
            return "read-only".into();
        }
        if field["enum"].is_array() {
            return field["enum"].clone();
        }
        let named = |field: &Value| match (field["type"].as_str(), field["format"].as_str()) {
            (Some("object"), _) => {
                assert_eq!(field["additionalProperties"], json!({ "type": "string" }));
                "map".to_owned()
            }
            (Some("integer" | "number"), Some(format)) => format.to_owned(),
            (Some("string"), Some(format)) => format.trim_start_matches("google-").to_owned(),
            (Some(name @ ("string" | "boolean")), None) => name.to_owned(),
            _ => short(field).unwrap(),
        };
        let mut name = match &field["items"] {
            Value::Null => named(field),
            items => format!("[{}]", named(items)),
        };
        if field["x-required"] == true {
            name.push('!');
        }
        name.into()
    }

    /// Adds the message and all messages that it refers to.
    fn collect(schemas: &Value, name: &str, messages: &mut BTreeMap<String, Value>) {
        if messages.contains_key(name) {
            return;
        }
        let properties = &schemas[format!("{PREFIX}{name}")]["properties"];
        let fields = properties.as_object().into_iter().flatten();
        let types: BTreeMap<_, _> = fields
            .clone()
            .map(|(name, field)| (name.clone(), type_of(field)))
            .collect();
        messages.insert(name.to_owned(), json!(types));
        for (_, field) in fields.filter(|(_, field)| field["readOnly"] != true) {
            for reference in [field, &field["items"]] {
                if let Some(name) = short(reference) {
                    collect(schemas, &name, messages);
                }
            }
        }
    }

    #[test]
    fn extract_matches_the_description_of_the_api() {
        let description =
            include_str!("../../../../../tests/support/fixtures/google-apis/run.v2.json");
        let description: Value = serde_json::from_str(description).unwrap();
        let mut messages = BTreeMap::new();
        collect(&description["schemas"], super::SERVICE, &mut messages);
        let lines: Vec<_> = messages
            .iter()
            .map(|(name, fields)| format!("{}: {fields}", json!(name)))
            .collect();
        let text = format!("{{\n{}\n}}\n", lines.join(",\n"));
        if std::env::var_os("MCPO_WRITE_FIELDS").is_some() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR"));
            fs::write(file.join("src/settings/cloud_run/fields.json"), text).unwrap();
            return;
        }
        assert!(
            text == include_str!("fields.json"),
            "fields.json is out of date; run this test with MCPO_WRITE_FIELDS=1"
        );
        assert_eq!(MESSAGES.len(), messages.len());
    }
}
