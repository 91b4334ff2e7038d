//! What is known about the values that a schema accepts.

use std::{collections::BTreeSet, rc::Rc};

use serde_json::{Value, json};

use super::{
    keywords::{Keyword, keyword},
    kinds::Kinds,
    node::Node,
};
use crate::json_schema::{Formats, validator};

/// How deep `allOf`, `anyOf` and references are followed at one place.
const MAX_DEPTH: usize = 32;

/// The values that all schemas in `parts` accept, and no schema in `excluded`.
///
/// A fact that is left out only makes the set larger. That is always correct, because the larger set
/// is compared with what the other schema accepts.
#[derive(Clone, Debug)]
pub struct Facts<'s> {
    /// The schemas, without those that only refer to others.
    pub parts: Vec<Node<'s>>,
    pub excluded: Vec<Node<'s>>,
    pub kinds: Kinds,
    /// Lists of schemas. In each list, at least one schema accepts each value.
    pub alternatives: Vec<Alternatives<'s>>,
    /// The members that the schemas name, in all alternatives.
    pub named: Rc<BTreeSet<&'s str>>,
    /// Those that have a schema.
    pub described: Rc<BTreeSet<&'s str>>,
    /// Whether no value is accepted.
    pub is_never: bool,
}

/// The schemas in `anyOf` or `oneOf`.
#[derive(Clone, Debug)]
pub struct Alternatives<'s> {
    pub schemas: Vec<Node<'s>>,
    /// Whether exactly one accepts each value.
    pub is_exclusive: bool,
}

/// What is known about a member of an object.
pub struct Member<'s> {
    pub schemas: Vec<Node<'s>>,
    /// Whether no schema says anything about the member.
    pub is_undeclared: bool,
}

impl<'s> Facts<'s> {
    /// Returns what is known about values that all `schemas` accept.
    pub fn of(schemas: &[Node<'s>]) -> Self {
        let (mut named, mut described) = (BTreeSet::new(), BTreeSet::new());
        for schema in schemas {
            names(
                schema,
                (&mut named, &mut described),
                &mut Vec::new(),
                MAX_DEPTH,
            );
        }
        let mut facts = Self {
            parts: Vec::new(),
            excluded: Vec::new(),
            kinds: Kinds::ALL,
            alternatives: Vec::new(),
            named: Rc::new(named),
            described: Rc::new(described),
            is_never: false,
        };
        for schema in schemas {
            facts.add(schema, MAX_DEPTH);
        }
        facts
    }

    /// Returns the facts if `schema` also accepts the values.
    pub fn with(&self, schema: &Node<'s>) -> Self {
        let mut facts = self.clone();
        facts.add(schema, MAX_DEPTH);
        facts
    }

    /// Returns the facts for values of these types.
    pub fn only(&self, kinds: Kinds) -> Self {
        let mut facts = self.clone();
        facts.restrict(kinds);
        facts
    }

    /// Returns the facts for each alternative of the list at `index`.
    pub fn split(&self, index: usize) -> Vec<Self> {
        let mut rest = self.clone();
        let chosen = rest.alternatives.remove(index);
        let cases = chosen.schemas.iter().enumerate().map(|(case, schema)| {
            let mut facts = rest.with(schema);
            if chosen.is_exclusive {
                let others = chosen.schemas.iter().enumerate();
                let others = others.filter(|(other, _)| *other != case);
                facts
                    .excluded
                    .extend(others.map(|(_, other)| other.clone()));
            }
            facts
        });
        cases.collect()
    }

    fn restrict(&mut self, kinds: Kinds) {
        self.kinds = self.kinds.and(kinds);
        self.is_never |= self.kinds.is_empty();
    }

    fn add(&mut self, schema: &Node<'s>, depth: usize) {
        let Some(members) = schema.members() else {
            self.is_never |= *schema.schema == Value::Bool(false);
            return;
        };
        if depth == 0 || self.parts.iter().any(|part| part.is_at(schema)) {
            return;
        }
        self.parts.push(schema.clone());
        for (name, value) in members {
            match name.as_str() {
                "$ref" => {
                    if let Some(target) = schema.target() {
                        self.add(&target, depth - 1);
                    }
                }
                "allOf" => {
                    for part in schema.schemas(name) {
                        self.add(&part, depth - 1);
                    }
                }
                "anyOf" | "oneOf" => {
                    let schemas = schema.schemas(name);
                    self.restrict(union(&schemas, depth - 1));
                    self.alternatives.push(Alternatives {
                        schemas,
                        is_exclusive: name == "oneOf",
                    });
                }
                "not" => self.excluded.extend(schema.child(name)),
                _ => {}
            }
            self.restrict(own_kinds(name, value));
        }
    }

    /// Returns a text that is equal for equal facts.
    pub fn key(&self) -> String {
        let places = |schemas: &[Node<'s>]| {
            let mut places: Vec<_> = schemas.iter().map(|schema| schema.at.as_str()).collect();
            places.sort_unstable();
            places.join(" ")
        };
        let alternatives = self.alternatives.len();
        format!(
            "{} not {} {:?} {alternatives}",
            places(&self.parts),
            places(&self.excluded),
            self.kinds
        )
    }

    /// Returns the values of the keyword `name`.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'s Value> {
        self.parts.iter().filter_map(move |part| part.get(name))
    }

    /// Returns true if each object has the member.
    pub fn requires(&self, member: &str) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| part.strings("required").any(|name| name == member))
    }

    /// Returns what is known about a member.
    pub fn member(&self, name: &str) -> Member<'s> {
        let mut schemas = Vec::new();
        let mut is_undeclared = !self.named.contains(name);
        for part in &self.parts {
            let property = part.named("properties", name);
            // `additionalProperties` applies only if it is certain that no pattern matches.
            let mut is_additional = property.is_none();
            schemas.extend(property);
            for (pattern, schema) in part.children("patternProperties") {
                is_undeclared = false;
                match matches(pattern, name) {
                    Some(true) => schemas.push(schema),
                    Some(false) => continue,
                    None => {}
                }
                is_additional = false;
            }
            if is_additional {
                schemas.extend(part.child("additionalProperties"));
            }
            is_undeclared &= part.get("unevaluatedProperties").is_none();
        }
        is_undeclared &= schemas.is_empty();
        Member {
            schemas,
            is_undeclared,
        }
    }

    /// Returns true if no object has the member.
    pub fn forbids(&self, member: &str) -> bool {
        Self::of(&self.member(member).schemas).is_never
    }

    /// Returns the names that members can have, if they are listed.
    pub fn all_members(&self) -> Option<Vec<&'s str>> {
        let mut parts = self.parts.iter();
        let closed = parts.find(|part| {
            part.get("additionalProperties") == Some(&Value::Bool(false))
                && part.get("patternProperties").is_none()
        })?;
        let names = closed.children("properties").into_iter();
        Some(names.map(|(name, _)| name).collect())
    }

    /// Returns the names with a schema in `properties`.
    pub fn properties(&self) -> BTreeSet<&'s str> {
        let all = self
            .parts
            .iter()
            .flat_map(|part| part.children("properties"));
        all.map(|(name, _)| name).collect()
    }

    /// Returns the schemas of the element at `index`.
    pub fn element(&self, index: usize) -> Vec<Node<'s>> {
        let parts = self.parts.iter();
        let schemas = parts.filter_map(|part| {
            let first = part.first_items();
            first.get(index).cloned().or_else(|| part.other_items())
        });
        schemas.collect()
    }

    /// Returns the number of elements that have separate schemas.
    pub fn first_items(&self) -> usize {
        let lengths = self.parts.iter().map(|part| part.first_items().len());
        lengths.max().unwrap_or(0)
    }

    /// Returns the most elements of an array.
    pub fn longest(&self) -> u64 {
        let limit = self.least("maxItems").unwrap_or(u64::MAX);
        let mut indices = 0..=self.first_items();
        let end = indices.find(|index| Self::of(&self.element(*index)).is_never);
        limit.min(end.map_or(u64::MAX, |index| index as u64))
    }

    /// Returns the smallest of the counts that the keyword sets.
    pub fn least(&self, name: &str) -> Option<u64> {
        self.values(name).filter_map(Value::as_u64).min()
    }

    /// Returns the largest of the counts that the keyword sets.
    pub fn greatest(&self, name: &str) -> Option<u64> {
        self.values(name).filter_map(Value::as_u64).max()
    }
}

/// Returns whether a pattern of `patternProperties` matches a name, or `None` if it is invalid.
pub fn matches(pattern: &str, name: &str) -> Option<bool> {
    let schema = json!({ "pattern": pattern });
    let validator = validator(&schema, Formats::Ignored)?;
    Some(validator.is_valid(&Value::from(name)))
}

impl Node<'_> {
    fn is_at(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.at == other.at
    }
}

/// Returns the types that one keyword leaves.
fn own_kinds(name: &str, value: &Value) -> Kinds {
    match name {
        "type" => Kinds::of_keyword(value).unwrap_or(Kinds::ALL),
        "const" => Kinds::of_value(value),
        "enum" => value.as_array().map_or(Kinds::ALL, |values| {
            values
                .iter()
                .map(Kinds::of_value)
                .fold(Kinds::NONE, Kinds::or)
        }),
        "multipleOf" if value.is_u64() => Kinds::ALL.without(Kinds::FRACTION),
        _ => Kinds::ALL,
    }
}

/// Returns the types of the values that `schema` accepts.
pub fn kinds(schema: &Node<'_>, depth: usize) -> Kinds {
    let Some(members) = schema.members() else {
        let never = *schema.schema == Value::Bool(false);
        return if never { Kinds::NONE } else { Kinds::ALL };
    };
    let mut found = Kinds::ALL;
    for (name, value) in members {
        found = found.and(own_kinds(name, value));
        let Some(depth) = depth.checked_sub(1) else {
            continue;
        };
        found = found.and(match name.as_str() {
            "$ref" => schema
                .target()
                .map_or(Kinds::ALL, |target| kinds(&target, depth)),
            "allOf" => {
                let parts = schema.schemas(name);
                let parts = parts.iter().map(|schema| kinds(schema, depth));
                parts.fold(Kinds::ALL, Kinds::and)
            }
            "anyOf" | "oneOf" => union(&schema.schemas(name), depth),
            _ => Kinds::ALL,
        });
    }
    found
}

/// Returns the types of the values that at least one of the schemas accepts.
fn union(schemas: &[Node<'_>], depth: usize) -> Kinds {
    // The list may be invalid.
    if schemas.is_empty() {
        return Kinds::ALL;
    }
    let kinds = schemas.iter().map(|schema| kinds(schema, depth));
    kinds.fold(Kinds::NONE, Kinds::or)
}

/// Adds the members that a schema names for the object itself, in all of its alternatives.
fn names<'s>(
    schema: &Node<'s>,
    (found, described): (&mut BTreeSet<&'s str>, &mut BTreeSet<&'s str>),
    visited: &mut Vec<String>,
    depth: usize,
) {
    if depth == 0 || visited.contains(&schema.at) {
        return;
    }
    visited.push(schema.at.clone());
    for (name, member) in schema.children("properties") {
        found.insert(name);
        // A forbidden member is not described.
        if *member.schema != Value::Bool(false) {
            described.insert(name);
        }
    }
    found.extend(schema.strings("required"));
    for dependent in ["dependentRequired", "dependencies"] {
        let dependent = schema.get(dependent).and_then(Value::as_object);
        for (name, needed) in dependent.into_iter().flatten() {
            found.insert(name);
            let needed = needed.as_array().into_iter().flatten();
            found.extend(needed.filter_map(Value::as_str));
        }
    }
    for (name, value) in schema.members().into_iter().flatten() {
        let is_here = ["not", "if", "then", "else"].contains(&name.as_str());
        let below = match keyword(name) {
            Keyword::Schema if is_here && !value.is_array() => {
                schema.child(name).into_iter().collect()
            }
            Keyword::SchemaList if name != "prefixItems" => schema.schemas(name),
            Keyword::Schemas if name == "dependentSchemas" => {
                let dependent = schema.children(name).into_iter();
                dependent
                    .map(|(member, schema)| {
                        found.insert(member);
                        schema
                    })
                    .collect()
            }
            Keyword::Reference => schema.target().into_iter().collect(),
            _ => Vec::new(),
        };
        for schema in below {
            names(&schema, (&mut *found, &mut *described), visited, depth - 1);
        }
    }
}
