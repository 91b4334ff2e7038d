//! Tests of the words and members of tools' schemas. `json_schema` tests whether they are valid.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    outcome::{Evidence, Findings},
    pattern::{Pattern, snake_case},
    rule::Condition,
};

/// Calls `visit` with the name and the schema of each argument, at any depth.
pub fn each_property<'e>(schema: &'e Value, visit: &mut dyn FnMut(&'e str, &'e Value)) {
    match schema {
        Value::Array(schemas) => schemas
            .iter()
            .for_each(|schema| each_property(schema, visit)),
        Value::Object(members) => {
            for (keyword, value) in members {
                match (keyword.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        for (name, property) in properties {
                            visit(name, property);
                            each_property(property, visit);
                        }
                    }
                    ("enum" | "const" | "default" | "examples", _) => {}
                    _ => each_property(value, visit),
                }
            }
        }
        _ => {}
    }
}

/// Returns true if the schema allows strings, as far as it says.
fn can_be_string(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => true,
    }
}

pub fn property_never(
    evidence: &Evidence<'_>,
    pattern: &Pattern,
    except: Option<&Pattern>,
) -> Findings {
    evidence.each_tool(&Condition::new(), |tool| {
        let mut found = BTreeSet::new();
        each_property(&tool["inputSchema"], &mut |name, schema| {
            let words = snake_case(name);
            let exempt = except.is_some_and(|except| except.is_match(&words));
            if can_be_string(schema) && !exempt && pattern.is_match(&words) {
                found.insert(name);
            }
        });
        listed("argument", &found)
    })
}

/// Returns `argument a` or `arguments a, b`, or `None` if there are none.
fn listed(noun: &str, names: &BTreeSet<&str>) -> Option<String> {
    let plural = if names.len() == 1 { "" } else { "s" };
    let names: Vec<&str> = names.iter().copied().collect();
    (!names.is_empty()).then(|| format!("{noun}{plural} {}", names.join(", ")))
}

pub fn properties_together(evidence: &Evidence<'_>, groups: &[BTreeSet<String>]) -> Findings {
    evidence.each_tool(&Condition::new(), |tool| {
        let properties = tool.pointer("/inputSchema/properties")?.as_object()?;
        let mut found = BTreeSet::new();
        for group in groups {
            let mut names = properties.keys();
            found.insert(names.find(|name| group.contains(*name))?.as_str());
        }
        listed("argument", &found)
    })
}

pub fn enum_never_mixes(evidence: &Evidence<'_>, groups: &[BTreeSet<String>]) -> Findings {
    evidence.each_tool(&Condition::new(), |tool| {
        let mut mixed = BTreeSet::new();
        each_property(&tool["inputSchema"], &mut |name, schema| {
            let values = allowed_values(schema);
            let has = |group: &BTreeSet<String>| {
                values
                    .iter()
                    .any(|value| group.contains(&value.to_uppercase()))
            };
            if groups.iter().all(has) {
                mixed.insert(name);
            }
        });
        let found = listed("argument", &mixed)?;
        Some(format!(
            "{found} accepts values for reading and for writing"
        ))
    })
}

/// Returns the strings that a property accepts, from `enum` or from alternatives with `const`.
fn allowed_values(schema: &Value) -> Vec<&str> {
    let listed = schema.get("enum").and_then(Value::as_array);
    let alternatives = ["anyOf", "oneOf"].into_iter();
    let alternatives = alternatives.filter_map(|keyword| schema.get(keyword)?.as_array());
    let constants = alternatives
        .flatten()
        .filter_map(|schema| schema.get("const"));
    let values = listed.into_iter().flatten().chain(constants);
    values.filter_map(Value::as_str).collect()
}

pub fn properties_described(evidence: &Evidence<'_>) -> Findings {
    evidence.each_tool(&Condition::new(), |tool| {
        let schema = &tool["inputSchema"];
        let properties = schema.get("properties")?.as_object()?;
        let bare = properties.iter().filter(|(_, property)| {
            let described = |schema: &Value| {
                let text = schema.get("description").and_then(Value::as_str);
                text.is_some_and(|text| !text.trim().is_empty())
            };
            let target = property.get("$ref").and_then(Value::as_str);
            let target = target.and_then(|target| schema.pointer(target.strip_prefix('#')?));
            !described(property) && !target.is_some_and(described)
        });
        let bare: BTreeSet<&str> = bare.map(|(name, _)| name.as_str()).collect();
        let found = listed("argument", &bare)?;
        Some(format!("{found} without a description"))
    })
}
