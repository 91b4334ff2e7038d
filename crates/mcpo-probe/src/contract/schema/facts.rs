//! What is known about the values that a schema accepts.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use serde_json::Value;

use super::{kinds::Kinds, members::NamedMembers, node::Node};

/// How deep `allOf`, `anyOf` and references are followed at one place.
const MAX_DEPTH: usize = 32;

/// The values that all schemas in `parts` accept, and no schema in `excluded`.
///
/// A fact that is left out only makes the set larger. That is always correct, because the larger set
/// is compared with what the other schema accepts.
#[derive(Clone, Debug)]
pub struct Facts<'s> {
    /// The schemas, together with those in their `allOf` and at the end of their references.
    pub parts: Vec<Node<'s>>,
    pub excluded: Vec<Node<'s>>,
    pub kinds: Kinds,
    /// Lists of schemas. In each list, at least one schema accepts each value.
    pub alternatives: Vec<Alternatives<'s>>,
    /// The members that the schemas name, in all alternatives.
    named: Rc<NamedMembers<'s>>,
    /// Whether parts are missing, because they are too deep.
    is_cut: bool,
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
        let mut facts = Self {
            parts: Vec::new(),
            excluded: Vec::new(),
            kinds: Kinds::ALL,
            alternatives: Vec::new(),
            named: Rc::new(NamedMembers::of(schemas)),
            is_cut: false,
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
        if self.parts.iter().any(|part| part.is_at(schema)) {
            return;
        }
        if depth == 0 {
            self.is_cut = true;
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
                    self.restrict(union(&schemas, depth - 1, &mut HashMap::new()));
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

    /// Returns the members that each object has.
    pub fn required(&self) -> impl Iterator<Item = &'s str> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.strings("required"))
    }

    /// Returns what is known about a member.
    pub fn member(&self, name: &str) -> Member<'s> {
        let mut schemas = Vec::new();
        // An alternative may say something about the member; it is a part after a split.
        let mut is_undeclared =
            self.alternatives.is_empty() && !self.is_cut && self.named.excludes(name);
        for part in &self.parts {
            let property = part.named("properties", name);
            // `additionalProperties` applies only if it is certain that no pattern matches.
            let mut is_additional = property.is_none();
            schemas.extend(property);
            for (pattern, schema) in part.children("patternProperties") {
                is_undeclared = false;
                match part.document.matches(pattern, name) {
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
        self.values(name).filter_map(count).min()
    }

    /// Returns the largest of the counts that the keyword sets.
    pub fn greatest(&self, name: &str) -> Option<u64> {
        self.values(name).filter_map(count).max()
    }
}

/// Returns the number of elements, members or characters that a keyword sets. 2.0 is an integer too.
pub fn count(value: &Value) -> Option<u64> {
    /// Above this, not every integer is a 64-bit float.
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    let integral = |float: f64| {
        let is_count = float.fract() == 0.0 && (0.0..MAX_EXACT).contains(&float);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the value is an integer between 0 and 2^53"
        )]
        is_count.then_some(float as u64)
    };
    value.as_u64().or_else(|| integral(value.as_f64()?))
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

/// Returns the types of the values that `schema` accepts. References are followed as deep as `depth`.
pub fn kinds(schema: &Node<'_>, depth: usize) -> Kinds {
    kinds_once(schema, depth, &mut HashMap::new())
}

/// Does the same as [`kinds`]. Each schema is searched once: `known` has the results. While a schema
/// is being searched, its result is that nothing is known.
fn kinds_once(schema: &Node<'_>, depth: usize, known: &mut HashMap<*const Value, Kinds>) -> Kinds {
    let Some(members) = schema.members() else {
        let never = *schema.schema == Value::Bool(false);
        return if never { Kinds::NONE } else { Kinds::ALL };
    };
    let place = std::ptr::from_ref(schema.schema);
    if let Some(found) = known.get(&place) {
        return *found;
    }
    known.insert(place, Kinds::ALL);
    let mut found = Kinds::ALL;
    for (name, value) in members {
        found = found.and(own_kinds(name, value));
        let Some(depth) = depth.checked_sub(1) else {
            continue;
        };
        found = found.and(match name.as_str() {
            "$ref" => schema
                .target()
                .map_or(Kinds::ALL, |target| kinds_once(&target, depth, known)),
            "allOf" => {
                let parts = schema.schemas(name);
                let parts = parts.iter().map(|schema| kinds_once(schema, depth, known));
                parts.fold(Kinds::ALL, Kinds::and)
            }
            "anyOf" | "oneOf" => union(&schema.schemas(name), depth, known),
            _ => Kinds::ALL,
        });
    }
    known.insert(place, found);
    found
}

/// Returns the types of the values that at least one of the schemas accepts.
fn union(schemas: &[Node<'_>], depth: usize, known: &mut HashMap<*const Value, Kinds>) -> Kinds {
    // The list may be invalid.
    if schemas.is_empty() {
        return Kinds::ALL;
    }
    let kinds = schemas
        .iter()
        .map(|schema| kinds_once(schema, depth, known));
    kinds.fold(Kinds::NONE, Kinds::or)
}
