//! Schemas in their documents: where they are, and what their references lead to.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, HashSet},
};

use serde_json::{Map, Value, json};

use super::keywords::{CONTENT, Keyword, keyword};
use crate::json_schema::{Formats, Validator, validator};

/// The most pairs of schemas that [`Node::is_same`] compares.
const MAX_PAIRS: usize = 2_000;
/// The most pairs in all of its calls for one document.
const MAX_ALL_PAIRS: usize = 100_000;
/// How deep [`Node::is_same`] follows schemas and references.
const MAX_DEPTH: usize = 200;
/// The longest list that is compared without its order.
const MAX_SET: usize = 1_000;
/// The most names that are matched against the patterns of a document.
const MAX_MATCHES: usize = 50_000;

/// The keywords that draft 7 does not have.
const SINCE_2019: [&str; 7] = [
    "dependentRequired",
    "dependentSchemas",
    "maxContains",
    "minContains",
    "prefixItems",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The differences between dialects that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
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
    /// How many more pairs [`Node::is_same`] compares.
    pairs: Cell<usize>,
}

/// The compiled patterns of `patternProperties`; `None` if one is invalid.
#[derive(Debug, Default)]
struct Patterns {
    compiled: HashMap<String, Option<Validator>>,
    matches: usize,
}

/// A schema in a document.
#[derive(Clone, Debug)]
pub struct Node<'s> {
    pub document: &'s SchemaDocument<'s>,
    pub schema: &'s Value,
    /// The JSON pointer of the schema in the document.
    pub at: String,
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
            pairs: Cell::new(MAX_ALL_PAIRS),
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

    pub fn root(&'s self) -> Node<'s> {
        Node {
            document: self,
            schema: self.root,
            at: String::new(),
        }
    }

    /// Returns a schema that can be compiled alone and accepts the same values as `node`, or `None`
    /// if a reference needs more of the document than its definitions.
    pub fn detached(&self, node: &Node<'_>) -> Option<Value> {
        if node.at.is_empty() {
            return Some(self.root.clone());
        }
        if !self.has_only_definitions {
            return None;
        }
        let mut detached = Map::new();
        for member in ["$schema", "$defs", "definitions"] {
            if let Some(value) = self.root.get(member) {
                detached.insert(member.to_owned(), value.clone());
            }
        }
        detached.insert("allOf".to_owned(), Value::from(vec![node.schema.clone()]));
        Some(Value::Object(detached))
    }
}

/// Returns true for the keywords whose schemas apply to the same value as the schema around them.
pub fn is_in_place(name: &str) -> bool {
    matches!(
        name,
        "$ref"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "not"
            | "if"
            | "then"
            | "else"
            | "dependentSchemas"
            | "dependencies"
    )
}

/// Escapes a name for a JSON pointer (RFC 6901, section 3).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
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

impl<'s> Node<'s> {
    /// Returns the members, without those that the dialect ignores; `None` for boolean schemas.
    pub fn members(&self) -> Option<impl Iterator<Item = (&'s String, &'s Value)> + use<'s>> {
        let members = self.schema.as_object()?;
        let is_old = self.document.dialect == Dialect::Draft7;
        let ignores_others = is_old && members.contains_key("$ref");
        let used = members.iter();
        Some(used.filter(move |(name, _)| {
            let is_newer = is_old && SINCE_2019.contains(&name.as_str());
            !is_newer && (!ignores_others || *name == "$ref")
        }))
    }

    /// Returns the kind of a keyword in the dialect of the schema.
    pub fn keyword(&self, name: &str) -> Keyword {
        if self.document.dialect == Dialect::Draft7 && CONTENT.contains(&name) {
            Keyword::Value
        } else {
            keyword(name)
        }
    }

    /// Returns true if the keywords of both schemas have the same meaning.
    pub fn has_dialect_of(&self, other: &Self) -> bool {
        self.document.dialect == other.document.dialect
    }

    /// Returns the value of a keyword, unless the dialect ignores it.
    pub fn get(&self, name: &str) -> Option<&'s Value> {
        self.members()?
            .find_map(|(member, value)| (member == name).then_some(value))
    }

    /// Returns the schema that is the value of a keyword.
    pub fn child(&self, name: &str) -> Option<Self> {
        let schema = self.get(name)?;
        Some(self.below(schema, &[name]))
    }

    /// Returns the schemas in the array or object that is the value of a keyword.
    pub fn children(&self, name: &str) -> Vec<(&'s str, Self)> {
        match self.get(name) {
            Some(Value::Object(schemas)) => {
                let schemas = schemas.iter();
                let named =
                    schemas.map(|(key, schema)| (key.as_str(), self.below(schema, &[name, key])));
                let mut named: Vec<_> = named.collect();
                named.sort_by_key(|(key, _)| *key);
                named
            }
            Some(Value::Array(schemas)) => {
                let schemas = schemas.iter().enumerate();
                let numbered = schemas
                    .map(|(index, schema)| ("", self.below(schema, &[name, &index.to_string()])));
                numbered.collect()
            }
            _ => Vec::new(),
        }
    }

    /// Does the same as [`Self::children`], without their names.
    pub fn schemas(&self, name: &str) -> Vec<Self> {
        let children = self.children(name).into_iter();
        children.map(|(_, schema)| schema).collect()
    }

    /// Returns the schema of one name, such as that of a property.
    pub fn named(&self, keyword: &str, name: &str) -> Option<Self> {
        let schema = self.get(keyword)?.as_object()?.get(name)?;
        Some(self.below(schema, &[keyword, name]))
    }

    /// Returns the strings in the array that is the value of a keyword.
    pub fn strings(&self, name: &str) -> impl Iterator<Item = &'s str> + use<'s> {
        let strings = self.get(name).and_then(Value::as_array);
        strings.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Returns the schemas of the first elements of an array.
    pub fn first_items(&self) -> Vec<Self> {
        let name = match self.document.dialect {
            Dialect::Draft2020 => "prefixItems",
            _ if self.get("items").is_some_and(Value::is_array) => "items",
            _ => return Vec::new(),
        };
        self.schemas(name)
    }

    /// Returns the schema of all elements after the first ones.
    pub fn other_items(&self) -> Option<Self> {
        let is_list = self.get("items").is_some_and(Value::is_array);
        match self.document.dialect {
            Dialect::Draft2020 => self.child("items"),
            _ if is_list => self.child("additionalItems"),
            _ => self.child("items"),
        }
    }

    /// Returns the target of `$ref`, or `None` if it is not in this document.
    pub fn target(&self) -> Option<Self> {
        let pointer = self.get("$ref")?.as_str()?.strip_prefix('#')?;
        // A percent sign may be an escape.
        if pointer.contains('%') || !(pointer.is_empty() || pointer.starts_with('/')) {
            return None;
        }
        Some(Self {
            document: self.document,
            schema: self.document.root.pointer(pointer)?,
            at: pointer.to_owned(),
        })
    }

    fn below(&self, schema: &'s Value, path: &[&str]) -> Self {
        let mut at = self.at.clone();
        for name in path {
            at.push('/');
            at.push_str(&escaped(name));
        }
        Self {
            document: self.document,
            schema,
            at,
        }
    }

    /// Returns true if both schemas accept the same values because they consist of the same
    /// keywords. References are followed.
    pub fn is_same(&self, other: &Self) -> bool {
        let all = self.document.pairs.get();
        let limit = all.min(MAX_PAIRS);
        let mut assumed = Assumed {
            pairs: HashSet::new(),
            left: limit,
        };
        let is_same =
            self.has_dialect_of(other) && same(self, other, &mut assumed, MAX_DEPTH).is_some();
        self.document.pairs.set(all - (limit - assumed.left));
        is_same
    }
}

/// The state of a comparison.
struct Assumed<'s> {
    /// The targets of references that are being compared: schemas that refer to themselves are the
    /// same if no difference is found.
    pairs: HashSet<(&'s str, &'s str)>,
    /// How many more schemas are compared.
    left: usize,
}

/// Compares two schemas; the result is `None` if they differ, or if the comparison takes too long.
fn same<'s>(
    one: &Node<'s>,
    other: &Node<'s>,
    assumed: &mut Assumed<'s>,
    depth: usize,
) -> Option<()> {
    let equal = |is_equal: bool| is_equal.then_some(());
    assumed.left = assumed.left.checked_sub(1)?;
    let depth = depth.checked_sub(1)?;
    let (Some(members), Some(others)) = (one.members(), other.members()) else {
        return equal(one.schema == other.schema);
    };
    let relevant = |name: &str| {
        !matches!(
            one.keyword(name),
            Keyword::Text | Keyword::Identity | Keyword::Definitions
        )
    };
    let members: BTreeMap<_, _> = members.filter(|(name, _)| relevant(name)).collect();
    let others: BTreeMap<_, _> = others.filter(|(name, _)| relevant(name)).collect();
    equal(members.keys().eq(others.keys()))?;
    for (name, value) in members {
        let matching = *others.get(name)?;
        match one.keyword(name) {
            Keyword::Reference => {
                let (target, matching_target) = (one.target()?, other.target()?);
                if assumed.pairs.insert((value.as_str()?, matching.as_str()?)) {
                    same(&target, &matching_target, assumed, depth)?;
                }
            }
            // Their meaning depends on the whole document.
            Keyword::Dynamic => return None,
            Keyword::Set => equal(is_same_set(value, matching))?,
            Keyword::Schema if !value.is_array() => {
                same(&one.child(name)?, &other.child(name)?, assumed, depth)?;
            }
            Keyword::Schemas | Keyword::SchemaList | Keyword::Schema => {
                let (ones, others) = (one.children(name), other.children(name));
                equal(ones.len() == others.len() && value.is_array() == matching.is_array())?;
                for ((key, one), (other_key, other)) in ones.iter().zip(&others) {
                    equal(key == other_key)?;
                    same(one, other, assumed, depth)?;
                }
            }
            _ => equal(value == matching)?,
        }
    }
    Some(())
}

fn is_same_set(one: &Value, other: &Value) -> bool {
    match (one, other) {
        // Each value is compared with each other one.
        (Value::Array(values), _) if values.len() > MAX_SET => one == other,
        (Value::Array(one), Value::Array(other)) => {
            one.iter().all(|value| other.contains(value))
                && other.iter().all(|value| one.contains(value))
        }
        _ => one == other,
    }
}
