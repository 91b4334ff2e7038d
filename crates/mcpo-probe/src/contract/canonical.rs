//! The canonical form of definitions: equal definitions have equal texts and equal hashes.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Returns `value` with sorted members. In schemas, lists whose order has no meaning are sorted too:
/// servers may build them in any order.
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(canonical).collect(),
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members = sorted.into_iter().map(|(name, value)| {
                let value = match name.as_str() {
                    "required" | "type" => sorted_names(value).unwrap_or_else(|| canonical(value)),
                    _ => canonical(value),
                };
                (name.clone(), value)
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => value.clone(),
    }
}

/// Returns a list of strings in order, or `None` if `value` is something else.
fn sorted_names(value: &Value) -> Option<Value> {
    let names = value.as_array()?.iter().map(Value::as_str);
    let mut names = names.collect::<Option<Vec<_>>>()?;
    names.sort_unstable();
    Some(names.into())
}

/// Returns the SHA-256 of the compact JSON text of a canonical value, in hexadecimal.
pub fn hash(canonical: &Value) -> String {
    let digest = Sha256::digest(canonical.to_string());
    let mut text = String::new();
    for byte in digest {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{canonical, hash};

    #[test]
    fn order_without_meaning_does_not_change_the_hash() {
        let one = json!({"b": [2, 1], "a": {"required": ["y", "x"], "type": ["string", "null"]}});
        let other = json!({"a": {"type": ["null", "string"], "required": ["x", "y"]}, "b": [2, 1]});
        assert_eq!(hash(&canonical(&one)), hash(&canonical(&other)));
        let swapped = json!({"a": other["a"], "b": [1, 2]});
        assert_ne!(hash(&canonical(&one)), hash(&canonical(&swapped)));
    }
}
