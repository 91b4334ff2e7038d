//! The canonical form of definitions: equal definitions have equal texts and equal hashes.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::schema::{Keyword, keyword};

/// The members of a tool that are schemas.
const SCHEMAS: [&str; 2] = ["inputSchema", "outputSchema"];

/// Returns the definition of a tool, a resource or a prompt with sorted members. In its schemas, lists
/// of names whose order has no meaning are sorted too: servers may build them in any order.
pub fn canonical(definition: &Value) -> Value {
    let Value::Object(members) = definition else {
        return with_sorted_members(definition);
    };
    sorted(members, |name, value| {
        if SCHEMAS.contains(&name) {
            canonical_schema(value)
        } else {
            with_sorted_members(value)
        }
    })
}

/// Returns the canonical form of a schema. A value in `const`, `enum`, `default` or an unknown keyword
/// is not a schema, so its lists keep their order.
fn canonical_schema(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return with_sorted_members(schema);
    };
    sorted(members, |name, value| match (keyword(name), value) {
        (Keyword::Set, _) if name != "enum" => {
            sorted_names(value).unwrap_or_else(|| with_sorted_members(value))
        }
        (Keyword::Schema, Value::Object(_)) => canonical_schema(value),
        (Keyword::Schema | Keyword::SchemaList, Value::Array(schemas)) => {
            schemas.iter().map(canonical_schema).collect()
        }
        (Keyword::Schemas | Keyword::Definitions, Value::Object(schemas)) => {
            sorted(schemas, |_, schema| canonical_schema(schema))
        }
        _ => with_sorted_members(value),
    })
}

fn with_sorted_members(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(with_sorted_members).collect(),
        Value::Object(members) => sorted(members, |_, value| with_sorted_members(value)),
        _ => value.clone(),
    }
}

/// Returns an object with sorted members, whose values `convert` returns.
fn sorted(members: &Map<String, Value>, convert: impl Fn(&str, &Value) -> Value) -> Value {
    let sorted: BTreeMap<&String, &Value> = members.iter().collect();
    let members = sorted.into_iter();
    let members = members.map(|(name, value)| (name.clone(), convert(name, value)));
    Value::Object(members.collect())
}

/// Returns a list of strings in order, or `None` if `value` is something else.
fn sorted_names(value: &Value) -> Option<Value> {
    let names = value.as_array()?.iter().map(Value::as_str);
    let mut names = names.collect::<Option<Vec<_>>>()?;
    names.sort_unstable();
    Some(names.into())
}

/// Returns the SHA-256 of the compact JSON text of a canonical definition, in hexadecimal.
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
    use serde_json::{Value, json};

    use super::{canonical, hash};

    #[test]
    fn order_without_meaning_does_not_change_the_hash() {
        let definition = |required: Value, kinds: Value| {
            let one = json!({"required": required, "type": kinds});
            json!({"inputSchema": {"type": "object", "properties": {"a": one, "type": one},
                "items": [one], "anyOf": [one], "not": one, "$defs": {"D": one}}})
        };
        let one = definition(json!(["y", "x"]), json!(["string", "null"]));
        let other = definition(json!(["x", "y"]), json!(["null", "string"]));
        assert_eq!(hash(&canonical(&one)), hash(&canonical(&other)));
        assert_eq!(
            hash(&canonical(&json!({"b": [2, 1], "a": 1}))),
            hash(&canonical(&json!({"a": 1, "b": [2, 1]})))
        );
    }

    #[test]
    fn order_with_a_meaning_changes_the_hash() {
        let value = |names: Value| json!({"required": names, "type": names});
        for definition in [
            |value| json!({"_meta": {"x": value}}),
            |value| json!({"annotations": value}),
            |value| json!({"inputSchema": {"const": value}}),
            |value| json!({"inputSchema": {"enum": [value]}}),
            |value| json!({"inputSchema": {"properties": {"a": {"default": value}}}}),
            |value| json!({"inputSchema": {"examples": [value]}}),
            |value| json!({"inputSchema": {"x-order": value}}),
            |value| json!({"inputSchema": {"allOf": [value["type"]]}}),
        ] as [fn(Value) -> Value; 8]
        {
            let one = definition(value(json!(["y", "x"])));
            let other = definition(value(json!(["x", "y"])));
            assert_ne!(hash(&canonical(&one)), hash(&canonical(&other)), "{one}");
        }
    }
}
