//! Compares messages of Google's APIs, in which an absent field equals zero, false or empty.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

/// Returns true if two messages are equal by these rules, including their unknown fields.
pub fn are_equal_messages(one: &impl Serialize, other: &impl Serialize) -> bool {
    match (serde_json::to_value(one), serde_json::to_value(other)) {
        (Ok(one), Ok(other)) => are_equal_values(&one, &other),
        // Not comparable, so a difference is assumed.
        _ => false,
    }
}

/// Compares two messages, or two fields of messages, in JSON.
pub fn are_equal_values(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            let of = |fields: &serde_json::Map<String, Value>, name: &str| {
                fields.get(name).cloned().unwrap_or_default()
            };
            names
                .into_iter()
                .all(|name| are_equal_values(&of(a, name), &of(b, name)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_equal_values(a, b))
        }
        _ => one == other || (is_default(one) && is_default(other)),
    }
}

/// Returns true if Google omits the value from its responses.
fn is_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_default),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::are_equal_values;

    #[test]
    fn absent_fields_equal_default_values() {
        let full = json!({ "a": 0, "b": false, "c": "", "d": [], "e": { "f": 0 }, "g": 1 });
        assert!(are_equal_values(&full, &json!({ "g": 1 })));
        assert!(!are_equal_values(&full, &json!({ "g": 2 })));
        assert!(!are_equal_values(&full, &json!({ "g": 1, "h": true })));
        assert!(!are_equal_values(&json!([0]), &json!([])));
    }
}
