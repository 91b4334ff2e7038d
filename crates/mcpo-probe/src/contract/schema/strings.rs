//! Lengths, patterns and formats.

use serde_json::Value;

use super::{
    Rejection,
    facts::{Facts, count},
    kinds::Kinds,
    node::Node,
};

/// Formats with the formats that accept all of their values. The names of Rust's number types are
/// those of the crate `schemars` and of `OpenAPI`; the others are those of JSON Schema 2020-12
/// validation, section 7.3.
const WIDER: &[(&str, &[&str])] = &[
    (
        "uint8",
        &[
            "uint16", "uint32", "uint64", "uint128", "uint", "int16", "int32", "int64", "int128",
            "int",
        ],
    ),
    (
        "uint16",
        &[
            "uint32", "uint64", "uint128", "uint", "int32", "int64", "int128", "int",
        ],
    ),
    ("uint32", &["uint64", "uint128", "int64", "int128"]),
    ("uint64", &["uint128", "int128"]),
    ("int8", &["int16", "int32", "int64", "int128", "int"]),
    ("int16", &["int32", "int64", "int128", "int"]),
    ("int32", &["int64", "int128"]),
    ("int64", &["int128"]),
    ("float", &["double"]),
    ("email", &["idn-email"]),
    ("hostname", &["idn-hostname"]),
    ("uri", &["uri-reference", "iri", "iri-reference"]),
    ("uri-reference", &["iri-reference"]),
    ("iri", &["iri-reference"]),
];

pub fn check(facts: &Facts<'_>, target: &Node<'_>, name: &str, value: &Value) -> Vec<Rejection> {
    if !facts.kinds.meets(Kinds::STRING) {
        return Vec::new();
    }
    let rejection = match (name, count(value), value.as_str()) {
        ("minLength", Some(length), _) => {
            if length == 0 || facts.greatest(name) >= Some(length) {
                return Vec::new();
            }
            Rejection::rejects(
                target,
                name,
                format!("does not accept strings shorter than {length}"),
            )
        }
        ("maxLength", Some(length), _) => {
            if facts.least(name).is_some_and(|known| known <= length) {
                return Vec::new();
            }
            Rejection::rejects(
                target,
                name,
                format!("does not accept strings longer than {length}"),
            )
        }
        ("pattern", _, Some(pattern)) => {
            let mut known = facts.values(name);
            if known.any(|known| known == pattern) {
                return Vec::new();
            }
            match facts.values(name).next() {
                Some(_) => Rejection::unproven(target, name, "patterns are not compared"),
                None => {
                    Rejection::rejects(target, name, format!("accepts only strings like {pattern}"))
                }
            }
        }
        _ => Rejection::unproven(target, name, "its value is invalid"),
    };
    vec![rejection]
}

pub fn check_format(facts: &Facts<'_>, target: &Node<'_>, value: &Value) -> Vec<Rejection> {
    let Some(format) = value.as_str() else {
        return vec![Rejection::unproven(
            target,
            "format",
            "its value is invalid",
        )];
    };
    // Dialects know different formats.
    let parts = facts.parts.iter();
    let mut known = parts
        .filter(|part| part.has_dialect_of(target))
        .filter_map(|part| part.get("format")?.as_str());
    let is_implied = known.any(|known| {
        let wider = WIDER.iter().find(|(narrow, _)| *narrow == known);
        known == format || wider.is_some_and(|(_, wider)| wider.contains(&format))
    });
    // Formats apply to strings and numbers.
    if is_implied || !facts.kinds.meets(Kinds::STRING.or(Kinds::NUMBER)) {
        return Vec::new();
    }
    let what = format!("accepts only the format {format}");
    vec![Rejection::rejects(target, "format", what)]
}

/// Checks `contentEncoding` and `contentMediaType` in a dialect where validators check them.
pub fn check_content(
    facts: &Facts<'_>,
    target: &Node<'_>,
    name: &str,
    value: &Value,
) -> Vec<Rejection> {
    let mut parts = facts.parts.iter();
    let is_kept = parts.any(|part| part.has_dialect_of(target) && part.get(name) == Some(value));
    if is_kept || !facts.kinds.meets(Kinds::STRING) {
        return Vec::new();
    }
    vec![Rejection::rejects(
        target,
        name,
        format!("accepts only strings with the {name} {value}"),
    )]
}
