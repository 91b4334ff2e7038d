//! Compares JSON values by the rules of Google's APIs, in which an absent field equals zero, false
//! or empty.

use std::collections::BTreeSet;

use serde_json::Value;

/// Returns true if two values are equal by these rules.
pub fn is_equivalent(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            names
                .into_iter()
                .all(|name| is_equivalent(&one[name], &other[name]))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equivalent(a, b))
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

    use super::is_equivalent;

    #[test]
    fn absent_fields_equal_default_values() {
        let full = json!({ "a": 0, "b": false, "c": "", "d": [], "e": { "f": 0 }, "g": 1 });
        assert!(is_equivalent(&full, &json!({ "g": 1 })));
        assert!(!is_equivalent(&full, &json!({ "g": 2 })));
        assert!(!is_equivalent(&full, &json!({ "g": 1, "h": true })));
        assert!(!is_equivalent(&json!([0]), &json!([])));
    }
}
