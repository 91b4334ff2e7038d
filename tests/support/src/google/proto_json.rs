//! The JSON format of Google's newer APIs: fields with default values are omitted, and requests may
//! contain enums as numbers. Cloud Storage is older and does neither.
//! <https://protobuf.dev/programming-guides/json/>

use serde_json::Value;

use super::facts::Api;

/// Enum values whose numbers differ from their positions in the discovery document.
/// <https://github.com/googleapis/googleapis/blob/master/google/devtools/artifactregistry/v1/repository.proto>
const SPARSE: &[(&str, u64)] = &[
    ("DOCKER", 1),
    ("MAVEN", 2),
    ("NPM", 3),
    ("APT", 5),
    ("YUM", 6),
    ("PYTHON", 8),
];

/// Removes the fields that Google omits from responses: false, zero, empty strings, empty lists,
/// and unspecified enums. Map entries and empty messages that are set are kept.
pub fn without_defaults(api: &Api, schema: &str, answer: &Value) -> Value {
    strip(api, api.schema(schema), answer)
}

fn strip(api: &Api, facts: &Value, value: &Value) -> Value {
    if let Some(name) = facts["$ref"].as_str() {
        return strip(api, api.schema(name), value);
    }
    match value {
        Value::Object(fields) => {
            // The result of an operation contains its type.
            let known = fields.get("@type").and_then(Value::as_str);
            let known = known.and_then(|kind| kind.rsplit('.').next());
            if let Some("Service") = known
                && facts["properties"].is_null()
            {
                return strip(api, api.schema("GoogleCloudRunV2Service"), value);
            }
            let kept = fields.iter().filter_map(|(name, field)| {
                let property = &facts["properties"][name];
                if property.is_null() {
                    return Some((
                        name.clone(),
                        strip(api, &facts["additionalProperties"], field),
                    ));
                }
                let field = strip(api, property, field);
                (!is_default(property, &field)).then(|| (name.clone(), field))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => items
            .iter()
            .map(|item| strip(api, &facts["items"], item))
            .collect(),
        other => other.clone(),
    }
}

fn is_default(facts: &Value, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() && facts["additionalProperties"].is_object(),
        Value::String(text) => {
            let is_number = matches!(facts["format"].as_str(), Some("int64" | "uint64"));
            text.is_empty()
                || (is_number && text == "0")
                || (facts["enum"].is_array() && text.ends_with("_UNSPECIFIED"))
        }
        Value::Bool(true) => false,
    }
}

/// Replaces enum numbers with enum names, which the rest of the stand-in uses.
pub fn with_enum_names(api: &Api, schema: &str, message: &mut Value) {
    name(api, api.schema(schema), message);
}

fn name(api: &Api, facts: &Value, value: &mut Value) {
    if let Some(reference) = facts["$ref"].as_str() {
        return name(api, api.schema(reference), value);
    }
    if let (Some(allowed), Some(number)) = (facts["enum"].as_array(), value.as_u64()) {
        let sparse = SPARSE
            .iter()
            .find(|(name, known)| *known == number && allowed.iter().any(|one| one == name))
            .filter(|_| allowed.iter().any(|one| one == "DOCKER"));
        let found = match sparse {
            Some((name, _)) => Some(Value::from(*name)),
            None => usize::try_from(number)
                .ok()
                .and_then(|index| allowed.get(index).cloned()),
        };
        if let Some(found) = found {
            *value = found;
        }
        return;
    }
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let known = match &facts["properties"][key.as_str()] {
                    Value::Null => &facts["additionalProperties"],
                    known => known,
                };
                name(api, known, field);
            }
        }
        Value::Array(items) => {
            for item in items {
                name(api, &facts["items"], item);
            }
        }
        _ => {}
    }
}
