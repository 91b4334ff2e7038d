//! The members that schemas name for one object.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::{
    keywords::{Keyword, is_in_place},
    node::Node,
};

/// The most schemas that are searched at one place.
const MAX_SCHEMAS: usize = 2_000;

/// The keywords that say something about members that no schema names.
const ABOUT_OTHERS: [&str; 3] = [
    "additionalProperties",
    "patternProperties",
    "unevaluatedProperties",
];

/// The members that schemas name, in all of their alternatives.
#[derive(Debug, Default)]
pub struct NamedMembers<'s> {
    names: BTreeSet<&'s str>,
    /// Whether each other member is unknown to the schemas. That is false if a schema with a
    /// condition says something about other members, because conditions are not analyzed here.
    are_all: bool,
}

impl<'s> NamedMembers<'s> {
    /// Returns the members that the schemas name for the object itself.
    pub fn of(schemas: &[Node<'s>]) -> Self {
        let mut named = Self {
            names: BTreeSet::new(),
            are_all: true,
        };
        let mut visited = HashSet::new();
        let mut left: Vec<_> = schemas
            .iter()
            .map(|schema| (schema.clone(), false))
            .collect();
        while let Some((schema, is_conditional)) = left.pop() {
            if !visited.insert((std::ptr::from_ref(schema.schema), is_conditional)) {
                continue;
            }
            if visited.len() > MAX_SCHEMAS {
                named.are_all = false;
                break;
            }
            named.add(&schema, is_conditional, &mut left);
        }
        named
    }

    /// Returns true if no schema says anything about the member, as far as conditions matter.
    pub fn excludes(&self, name: &str) -> bool {
        self.are_all && !self.names.contains(name)
    }

    fn add(&mut self, schema: &Node<'s>, is_conditional: bool, left: &mut Vec<(Node<'s>, bool)>) {
        for (name, value) in schema.members().into_iter().flatten() {
            let is_about_others = ABOUT_OTHERS.contains(&name.as_str());
            self.are_all &= !(is_conditional && is_about_others);
            match name.as_str() {
                "properties" | "dependentSchemas" => self.add_names(value),
                "required" => self.names.extend(schema.strings(name)),
                "dependentRequired" | "dependencies" => {
                    self.add_names(value);
                    let needed = value.as_object().into_iter().flat_map(Map::values);
                    let needed = needed.filter_map(Value::as_array).flatten();
                    self.names.extend(needed.filter_map(Value::as_str));
                }
                // The reference leads to a schema that is not known here.
                "$ref" => self.are_all &= schema.target().is_some(),
                "$dynamicRef" | "$recursiveRef" => self.are_all = false,
                _ => {}
            }
            if !is_in_place(name) {
                continue;
            }
            let is_certain = matches!(name.as_str(), "$ref" | "allOf" | "anyOf" | "oneOf");
            let below = match schema.keyword(name) {
                Keyword::Reference => schema.target().into_iter().collect(),
                Keyword::Schema => schema.child(name).into_iter().collect(),
                _ => schema.schemas(name),
            };
            let is_conditional = is_conditional || !is_certain;
            left.extend(below.into_iter().map(|schema| (schema, is_conditional)));
        }
    }

    fn add_names(&mut self, members: &'s Value) {
        let members = members.as_object().into_iter();
        self.names
            .extend(members.flat_map(|members| members.keys().map(String::as_str)));
    }
}
