//! Finds described members of objects that another schema no longer describes.
//!
//! This needs no proof: a schema that accepts more values may still lose a member, and callers that
//! use the member lose its effect.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::{document::SchemaDocument, keywords::is_in_place, node::Node};

/// The most schemas that are searched, so that a hostile schema costs little time.
const MAX_SCHEMAS: usize = 50_000;

/// The members that one schema describes and another does not.
#[derive(Debug, Default)]
pub struct LostMembers {
    /// For each member, the JSON pointers of its schemas.
    pub members: BTreeSet<Vec<String>>,
    /// The same for members that only some alternatives described.
    pub of_alternatives: BTreeSet<Vec<String>>,
    /// Whether a reference could not be followed, or the search took too long.
    pub is_incomplete: bool,
}

/// A part of the values of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'s> {
    Member(&'s str),
    /// The members that match a pattern.
    Pattern(&'s str),
    /// All members without another schema.
    OtherMembers,
    Element(usize),
    /// All elements without another schema.
    OtherElements,
    /// Some elements.
    Contained,
}

/// A schema that describes a value.
#[derive(Clone)]
struct Description<'s> {
    schema: Node<'s>,
    /// Whether it applies to some values only, because it is one of several alternatives.
    is_alternative: bool,
}

/// The schemas of each part, in all alternatives.
type Parts<'s> = BTreeMap<Part<'s>, Vec<Description<'s>>>;

/// Returns the members that `old` describes for an object at any level, and `new` does not.
pub fn lost_members(old: &Value, new: &Value) -> LostMembers {
    let (old, new) = (SchemaDocument::new(old), SchemaDocument::new(new));
    let mut search = Search::default();
    let mut visited = HashSet::new();
    let mut left = vec![(
        vec![Description::of(Node::root(&old))],
        vec![Description::of(Node::root(&new))],
    )];
    while let Some((old, new)) = left.pop() {
        if !visited.insert((places(&old), places(&new))) {
            continue;
        }
        if search.searched >= MAX_SCHEMAS {
            search.lost.is_incomplete = true;
            break;
        }
        let (old, new) = (search.parts(old), search.parts(new));
        let elements = old.keys().filter(|part| matches!(part, Part::Element(_)));
        let elements = elements.count();
        for (part, schemas) in old {
            if matches!(part, Part::Member(_)) && !new.contains_key(&part) {
                search.add(&schemas);
                continue;
            }
            let matching = matching(part, elements, &new).into_iter();
            left.extend(matching.map(|new| (schemas.clone(), new)));
        }
    }
    search.lost
}

/// Returns the schemas of each new part that corresponds to an old part.
fn matching<'s>(part: Part<'_>, old_elements: usize, new: &Parts<'s>) -> Vec<Vec<Description<'s>>> {
    let find = |wanted: Part<'_>| {
        let mut parts = new.iter();
        parts
            .find(|(known, _)| **known == wanted)
            .map(|(_, schemas)| schemas.clone())
    };
    let same = find(part);
    match part {
        Part::Pattern(_) => vec![
            same.or_else(|| find(Part::OtherMembers))
                .unwrap_or_default(),
        ],
        Part::Element(_) => vec![
            same.or_else(|| find(Part::OtherElements))
                .unwrap_or_default(),
        ],
        Part::OtherElements => {
            // The elements from this index on.
            let separate = new
                .iter()
                .filter(|(part, _)| matches!(part, Part::Element(index) if *index >= old_elements));
            let separate = separate.map(|(_, schemas)| schemas.clone());
            separate.chain([same.unwrap_or_default()]).collect()
        }
        _ => vec![same.unwrap_or_default()],
    }
}

impl<'s> Description<'s> {
    const fn of(schema: Node<'s>) -> Self {
        Self {
            schema,
            is_alternative: false,
        }
    }
}

fn places(schemas: &[Description<'_>]) -> Vec<(*const Value, bool)> {
    let places = schemas.iter().map(|known| {
        (
            std::ptr::from_ref(known.schema.schema),
            known.is_alternative,
        )
    });
    let mut places: Vec<_> = places.collect();
    places.sort_unstable();
    places
}

#[derive(Default)]
struct Search {
    lost: LostMembers,
    searched: usize,
}

impl Search {
    /// Adds a member with these schemas.
    fn add(&mut self, schemas: &[Description<'_>]) {
        let mut places: Vec<_> = schemas
            .iter()
            .map(|known| known.schema.at.clone())
            .collect();
        places.sort();
        places.dedup();
        let is_of_alternatives = schemas.iter().all(|known| known.is_alternative);
        if is_of_alternatives {
            self.lost.of_alternatives.insert(places);
        } else {
            self.lost.members.insert(places);
        }
    }

    /// Returns the parts that the schemas describe, in all of their alternatives.
    fn parts<'s>(&mut self, schemas: Vec<Description<'s>>) -> Parts<'s> {
        let mut parts = Parts::new();
        let mut visited = HashSet::new();
        let mut left = schemas;
        while let Some(Description {
            schema,
            is_alternative,
        }) = left.pop()
        {
            if !visited.insert((std::ptr::from_ref(schema.schema), is_alternative)) {
                continue;
            }
            self.searched += 1;
            if self.searched >= MAX_SCHEMAS {
                break;
            }
            add_parts(&schema, is_alternative, &mut parts);
            for (name, _) in schema.members().into_iter().flatten() {
                let below = match name.as_str() {
                    "$ref" => {
                        let target = schema.target();
                        self.lost.is_incomplete |= target.is_none();
                        target.into_iter().collect()
                    }
                    "$dynamicRef" | "$recursiveRef" => {
                        self.lost.is_incomplete = true;
                        continue;
                    }
                    // It describes what the values are not.
                    "not" => continue,
                    "if" | "then" | "else" => schema.child(name).into_iter().collect(),
                    _ if is_in_place(name) => schema.schemas(name),
                    _ => continue,
                };
                let is_alternative = is_alternative || !matches!(name.as_str(), "$ref" | "allOf");
                left.extend(below.into_iter().map(|schema| Description {
                    schema,
                    is_alternative,
                }));
            }
        }
        parts
    }
}

fn add_parts<'s>(schema: &Node<'s>, is_alternative: bool, parts: &mut Parts<'s>) {
    let mut add = |part, schema| {
        parts.entry(part).or_default().push(Description {
            schema,
            is_alternative,
        });
    };
    for (name, member) in schema.children("properties") {
        // A forbidden member is not described.
        if *member.schema != Value::Bool(false) {
            add(Part::Member(name), member);
        }
    }
    for (pattern, member) in schema.children("patternProperties") {
        add(Part::Pattern(pattern), member);
    }
    for name in ["additionalProperties", "unevaluatedProperties"] {
        if let Some(members) = schema.child(name) {
            add(Part::OtherMembers, members);
        }
    }
    for (index, element) in schema.first_items().into_iter().enumerate() {
        add(Part::Element(index), element);
    }
    let unevaluated = schema.child("unevaluatedItems");
    for elements in schema.other_items().into_iter().chain(unevaluated) {
        add(Part::OtherElements, elements);
    }
    if let Some(contained) = schema.child("contains") {
        add(Part::Contained, contained);
    }
}
