//! Reads the schemas and the table of their changes.

use std::collections::BTreeMap;

use serde_json::Value;

const SCHEMAS: &str = include_str!("../../../tests/contract/schemas.json");
const MUTATIONS: &str = include_str!("../../../tests/contract/mutations.txt");

/// A change of a schema, and its classes.
#[derive(Debug)]
pub struct Mutation {
    /// The name of the schema.
    pub name: &'static str,
    /// The change, as it is written in the table.
    pub line: &'static str,
    /// The class for a schema of arguments.
    pub input: &'static str,
    /// The class for a schema of results.
    pub output: &'static str,
    pub old: Value,
    pub new: Value,
}

impl Mutation {
    /// Returns the kind of keyword that changes.
    pub fn kind(&self) -> &'static str {
        let pointer = self.line.split_whitespace().nth(1).unwrap();
        let mut names = pointer.rsplit('/');
        let (last, outer) = (names.next().unwrap(), names.next().unwrap_or_default());
        let is_name = [
            "properties",
            "patternProperties",
            "$defs",
            "dependentRequired",
        ];
        let is_below = is_name.contains(&outer) || last.parse::<usize>().is_ok();
        match if is_below { outer } else { last } {
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                "numbers"
            }
            "minLength" | "maxLength" | "pattern" | "format" => "strings",
            "minItems" | "maxItems" | "uniqueItems" | "items" | "prefixItems" | "contains"
            | "minContains" => "arrays",
            "enum" | "const" => "values",
            "anyOf" | "oneOf" | "allOf" | "not" | "if" | "then" | "else" => "alternatives",
            "type" => "types",
            "description" | "title" | "default" | "contentEncoding" => "texts",
            _ => "objects",
        }
    }
}

pub fn mutations() -> Vec<Mutation> {
    let schemas: BTreeMap<String, Value> = serde_json::from_str(SCHEMAS).unwrap();
    assert_eq!(schemas.len(), 30);
    let mut name = "";
    let mut mutations = Vec::new();
    for line in MUTATIONS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(section) = line.strip_prefix('[') {
            name = section.trim_end_matches(']');
            continue;
        }
        let (input, rest) = line.split_once(' ').unwrap();
        let (output, change) = rest.trim_start().split_once(' ').unwrap();
        let old = schemas[name].clone();
        let mut new = old.clone();
        change_schema(&mut new, change.trim_start()).expect(line);
        assert_ne!(old, new, "{line}");
        mutations.push(Mutation {
            name,
            line: change.trim_start(),
            input,
            output,
            old,
            new,
        });
    }
    mutations
}

/// Applies `set POINTER VALUE`, `remove POINTER`, `add POINTER VALUE` or `drop POINTER VALUE`. Returns
/// `None` if the place does not exist.
pub fn change_schema(schema: &mut Value, change: &str) -> Option<()> {
    let mut parts = change.splitn(3, ' ');
    let (operation, pointer) = (parts.next()?, parts.next()?);
    let value: Value = match parts.next() {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => Value::Null,
    };
    match operation {
        "add" => {
            let elements = schema.pointer_mut(pointer)?.as_array_mut()?;
            (!elements.contains(&value)).then(|| elements.push(value))?;
        }
        "drop" => {
            let elements = schema.pointer_mut(pointer)?.as_array_mut()?;
            elements.retain(|element| *element != value);
        }
        _ => {
            let (parent, name) = pointer.rsplit_once('/')?;
            let name = name.replace("~1", "/").replace("~0", "~");
            match (schema.pointer_mut(parent)?, operation) {
                (Value::Object(members), "set") => {
                    members.insert(name, value);
                }
                (Value::Object(members), "remove") => {
                    members.remove(&name)?;
                }
                (Value::Array(elements), "remove") => {
                    let index: usize = name.parse().ok()?;
                    (index < elements.len()).then(|| elements.remove(index))?;
                }
                _ => return None,
            }
        }
    }
    Some(())
}
