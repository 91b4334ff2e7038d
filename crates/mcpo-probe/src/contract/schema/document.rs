//! A whole schema: its dialect, and what is known about all of its parts.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use serde_json::{Map, Value, json};

use super::keywords::{CONTENT, Keyword, keyword};
use crate::json_schema::{Formats, Validator, validator};

/// The most pairs of schemas that all comparisons of one document compare.
const MAX_PAIRS: usize = 100_000;
/// The most names that are matched against the patterns of a document.
const MAX_MATCHES: usize = 50_000;

/// The differences between dialects that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Members next to `$ref` are ignored.
    Draft7,
    Draft2019,
    Draft2020,
    /// Any other one.
    Unknown,
}

/// A whole schema.
#[derive(Debug)]
pub struct SchemaDocument<'s> {
    root: &'s Value,
    dialect: Dialect,
    /// The number of schemas.
    size: usize,
    /// Whether each reference leads to a schema in `$defs` or `definitions` of the root.
    has_only_definitions: bool,
    /// Whether a validator may check the value of a [`Keyword::Text`].
    checks_texts: bool,
    patterns: RefCell<Patterns>,
    /// How many more pairs of schemas are compared.
    pub pairs: Cell<usize>,
}

/// The compiled patterns of `patternProperties`; `None` if one is invalid.
#[derive(Debug, Default)]
struct Patterns {
    compiled: HashMap<String, Option<Validator>>,
    matches: usize,
}

impl<'s> SchemaDocument<'s> {
    pub fn new(root: &'s Value) -> Self {
        let dialect = match root.get("$schema").and_then(Value::as_str) {
            // MCP 2025-11-25 and later: the default is 2020-12.
            None => Dialect::Draft2020,
            Some(uri) => {
                let uri = uri.trim_end_matches('#');
                let uri = uri.split_once("://").map_or(uri, |(_, rest)| rest);
                match uri {
                    "json-schema.org/draft/2020-12/schema" => Dialect::Draft2020,
                    "json-schema.org/draft/2019-09/schema" => Dialect::Draft2019,
                    "json-schema.org/draft-07/schema" => Dialect::Draft7,
                    _ => Dialect::Unknown,
                }
            }
        };
        let mut size = 0;
        let mut has_only_definitions = true;
        let mut has_base = false;
        let mut leaves_schemas = false;
        let mut has_content = false;
        each_schema(root, true, &mut |schema, is_root| {
            size += 1;
            has_base |= !is_root && schema.contains_key("$id");
            has_content |= CONTENT.iter().any(|name| schema.contains_key(*name));
            for (name, target) in schema {
                let kind = keyword(name);
                has_only_definitions &= kind != Keyword::Dynamic;
                if let (Keyword::Reference | Keyword::Dynamic, Some(target)) =
                    (kind, target.as_str())
                {
                    leaves_schemas |= !leads_to_schema(target);
                    has_only_definitions &=
                        target.starts_with("#/$defs/") || target.starts_with("#/definitions/");
                }
            }
        });
        if leaves_schemas {
            // Each value may be a schema.
            has_base |= members_of(root).any(has_identifier);
        }
        Self {
            root,
            size,
            // References below another `$id` are relative to it.
            dialect: if has_base { Dialect::Unknown } else { dialect },
            has_only_definitions: has_only_definitions && !leaves_schemas,
            checks_texts: leaves_schemas || (dialect == Dialect::Draft7 && has_content),
            patterns: RefCell::default(),
            pairs: Cell::new(MAX_PAIRS),
        }
    }

    /// Returns true if a validator may check the value of a [`Keyword::Text`].
    pub const fn checks_texts(&self) -> bool {
        self.checks_texts
    }

    /// Returns whether a pattern of `patternProperties` matches a name, or `None` if the pattern is
    /// invalid or there are too many matches.
    pub fn matches(&self, pattern: &str, name: &str) -> Option<bool> {
        let mut patterns = self.patterns.borrow_mut();
        patterns.matches += 1;
        if patterns.matches > MAX_MATCHES {
            return None;
        }
        if !patterns.compiled.contains_key(pattern) {
            let compiled = validator(&json!({ "pattern": pattern }), Formats::Ignored);
            patterns.compiled.insert(pattern.to_owned(), compiled);
        }
        let compiled = patterns.compiled.get(pattern)?.as_ref()?;
        Some(compiled.is_valid(&Value::from(name)))
    }

    pub const fn is_supported(&self) -> bool {
        !matches!(self.dialect, Dialect::Unknown)
    }

    /// Returns the number of schemas.
    pub const fn size(&self) -> usize {
        self.size
    }

    pub const fn whole(&self) -> &'s Value {
        self.root
    }

    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns true if each reference leads to a schema in `$defs` or `definitions` of the root.
    pub const fn has_only_definitions(&self) -> bool {
        self.has_only_definitions
    }
}

/// Returns true if a reference leads through schemas only, and not into a value that is no schema.
/// Anchors lead to schemas, because validators look for them only there.
fn leads_to_schema(reference: &str) -> bool {
    let Some((_, pointer)) = reference.split_once("#/") else {
        return true;
    };
    // A percent sign may be an escape.
    if pointer.contains('%') {
        return false;
    }
    let mut names = pointer.split('/').peekable();
    while let Some(name) = names.next() {
        match keyword(name) {
            Keyword::Schema => {
                // `items` may be a list.
                names.next_if(|name| name.parse::<usize>().is_ok());
            }
            Keyword::SchemaList | Keyword::Schemas | Keyword::Definitions => {
                if names.next().is_none() {
                    return false;
                }
            }
            _ => return false,
        }
    }
    true
}

fn members_of(value: &Value) -> impl Iterator<Item = &Value> {
    let elements = value.as_array().into_iter().flatten();
    let members = value.as_object().into_iter().flat_map(Map::values);
    elements.chain(members)
}

/// Returns true if `$id` occurs in a value.
fn has_identifier(value: &Value) -> bool {
    value.get("$id").is_some() || members_of(value).any(has_identifier)
}

/// Calls `visit` with each schema object, and whether it is the root.
fn each_schema<'s>(
    schema: &'s Value,
    is_root: bool,
    visit: &mut dyn FnMut(&'s Map<String, Value>, bool),
) {
    let Value::Object(members) = schema else {
        return;
    };
    visit(members, is_root);
    for (name, value) in members {
        match (keyword(name), value) {
            (Keyword::Schemas | Keyword::Definitions, Value::Object(schemas)) => {
                for schema in schemas.values() {
                    each_schema(schema, false, visit);
                }
            }
            (Keyword::Schema | Keyword::SchemaList, Value::Array(schemas)) => {
                for schema in schemas {
                    each_schema(schema, false, visit);
                }
            }
            (Keyword::Schema, schema) => each_schema(schema, false, visit),
            _ => {}
        }
    }
}
