//! Removes the members of values that their schema does not describe. A test uses it as a judge, so it
//! shares no code with the proof.

use std::{cell::RefCell, collections::HashMap};

use serde_json::{Map, Value, json};

use crate::json_schema::{Formats, Validator, compile};

/// Two schemas: the first one accepted a value, and the second one should accept it.
pub struct Judge<'s> {
    source: &'s Value,
    target: &'s Value,
    /// Compiled parts of the source by their place in memory.
    compiled: RefCell<HashMap<*const Value, Validator>>,
    patterns: RefCell<HashMap<String, Validator>>,
}

impl<'s> Judge<'s> {
    pub fn new(source: &'s Value, target: &'s Value) -> Self {
        Self {
            source,
            target,
            compiled: RefCell::default(),
            patterns: RefCell::default(),
        }
    }

    /// Returns `value` without the members that the target declares and the source says nothing
    /// about.
    pub fn without_undescribed(&self, value: &Value) -> Value {
        let mut value = value.clone();
        // Without a member, other alternatives may accept the value.
        loop {
            let next = self.strip(&value, &[self.source], &[self.target]);
            if next == value {
                return value;
            }
            value = next;
        }
    }

    fn strip(&self, value: &Value, sources: &[&'s Value], targets: &[&'s Value]) -> Value {
        let named = in_place(self.source, sources, &mut |_, _| true);
        let applied = in_place(self.source, sources, &mut |name, schema| {
            !["anyOf", "oneOf"].contains(&name) || self.accepts(schema, value)
        });
        let targets = in_place(self.target, targets, &mut |_, _| true);
        match value {
            Value::Object(members) => {
                let is_open = applied.iter().all(|schema| {
                    let keywords = [
                        "additionalProperties",
                        "patternProperties",
                        "unevaluatedProperties",
                    ];
                    keywords.iter().all(|name| schema.get(name).is_none())
                });
                let mut left = Map::new();
                for (name, member) in members {
                    let is_declared = targets
                        .iter()
                        .any(|schema| schema["properties"].get(name).is_some());
                    let is_named = named.iter().any(|schema| names(schema, name));
                    if is_declared && is_open && !is_named {
                        continue;
                    }
                    let sources = self.of_member(&named, name);
                    let targets = self.of_member(&targets, name);
                    left.insert(name.clone(), self.strip(member, &sources, &targets));
                }
                Value::Object(left)
            }
            Value::Array(elements) => {
                let elements = elements.iter().enumerate();
                let elements = elements.map(|(index, element)| {
                    let (sources, targets) =
                        (of_element(&named, index), of_element(&targets, index));
                    self.strip(element, &sources, &targets)
                });
                elements.collect()
            }
            _ => value.clone(),
        }
    }

    /// Returns the schemas of a member.
    fn of_member(&self, schemas: &[&'s Value], name: &str) -> Vec<&'s Value> {
        let mut found = Vec::new();
        let mut matchers = self.patterns.borrow_mut();
        for schema in schemas {
            let known = found.len();
            found.extend(schema["properties"].get(name));
            let patterns = schema["patternProperties"].as_object();
            for (pattern, schema) in patterns.into_iter().flatten() {
                let matcher = matchers.entry(pattern.clone()).or_insert_with(|| {
                    compile(&json!({"pattern": pattern}), Formats::Ignored).unwrap()
                });
                if matcher.is_valid(&json!(name)) {
                    found.push(schema);
                }
            }
            if found.len() == known {
                found.extend(schema.get("additionalProperties"));
            }
        }
        found
    }

    fn accepts(&self, schema: &'s Value, value: &Value) -> bool {
        let mut compiled = self.compiled.borrow_mut();
        let validator = compiled.entry(schema).or_insert_with(|| {
            let mut alone = json!({"allOf": [schema]});
            for name in ["$schema", "$defs", "definitions"] {
                if let Some(value) = self.source.get(name) {
                    alone[name] = value.clone();
                }
            }
            compile(&alone, Formats::Checked).unwrap()
        });
        validator.is_valid(value)
    }
}

/// Returns the schemas with all schemas that apply to the same value. `follows` decides about the
/// schemas of a keyword.
fn in_place<'s>(
    root: &'s Value,
    schemas: &[&'s Value],
    follows: &mut dyn FnMut(&str, &'s Value) -> bool,
) -> Vec<&'s Value> {
    let mut found: Vec<&Value> = Vec::new();
    let mut left = schemas.to_vec();
    while let Some(schema) = left.pop() {
        if found.iter().any(|known| std::ptr::eq(*known, schema)) {
            continue;
        }
        found.push(schema);
        for (name, value) in schema.as_object().into_iter().flatten() {
            let below: Vec<_> = match (name.as_str(), value) {
                ("$ref", Value::String(target)) => {
                    vec![root.pointer(target.trim_start_matches('#')).unwrap()]
                }
                ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => schemas.iter().collect(),
                ("dependentSchemas" | "dependencies", Value::Object(schemas)) => {
                    schemas.values().collect()
                }
                ("not" | "if" | "then" | "else", schema) => vec![schema],
                _ => continue,
            };
            left.extend(below.into_iter().filter(|schema| follows(name, schema)));
        }
    }
    found
}

/// Returns true if the schema names the member of an object.
fn names(schema: &Value, member: &str) -> bool {
    let lists = |list: &Value| {
        list.as_array()
            .is_some_and(|names| names.contains(&json!(member)))
    };
    schema["properties"].get(member).is_some()
        || lists(&schema["required"])
        || ["dependentRequired", "dependentSchemas", "dependencies"]
            .iter()
            .filter_map(|name| schema.get(*name)?.as_object())
            .flatten()
            .any(|(name, needed)| name == member || lists(needed))
}

fn of_element<'s>(schemas: &[&'s Value], index: usize) -> Vec<&'s Value> {
    let schemas = schemas.iter().filter_map(|schema| {
        let first = schema.get("prefixItems").or_else(|| schema.get("items"));
        match first.and_then(Value::as_array) {
            Some(first) if index < first.len() => first.get(index),
            Some(_) if schema["items"].is_array() => schema.get("additionalItems"),
            _ => schema.get("items"),
        }
    });
    schemas.collect()
}
