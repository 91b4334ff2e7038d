//! A schema in a document: its keywords, the schemas in it, and what its references lead to.

use serde_json::{Map, Value};

use super::{
    document::{Dialect, SchemaDocument},
    keywords::{CONTENT, Keyword, keyword},
};

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

/// A schema in a document.
#[derive(Clone, Debug)]
pub struct Node<'s> {
    pub document: &'s SchemaDocument<'s>,
    pub schema: &'s Value,
    /// The JSON pointer of the schema in the document.
    pub at: String,
}

impl<'s> Node<'s> {
    /// Returns the schema of a whole document.
    pub fn root(document: &'s SchemaDocument<'s>) -> Self {
        Self {
            document,
            schema: document.whole(),
            at: String::new(),
        }
    }

    /// Returns the members, without those that the dialect ignores; `None` for boolean schemas.
    pub fn members(&self) -> Option<impl Iterator<Item = (&'s String, &'s Value)> + use<'s>> {
        let members = self.schema.as_object()?;
        let is_old = self.document.dialect() == Dialect::Draft7;
        let ignores_others = is_old && members.contains_key("$ref");
        let used = members.iter();
        Some(used.filter(move |(name, _)| {
            let is_newer = is_old && SINCE_2019.contains(&name.as_str());
            !is_newer && (!ignores_others || *name == "$ref")
        }))
    }

    /// Returns the kind of a keyword in the dialect of the schema.
    pub fn keyword(&self, name: &str) -> Keyword {
        if self.document.dialect() == Dialect::Draft7 && CONTENT.contains(&name) {
            Keyword::Value
        } else {
            keyword(name)
        }
    }

    /// Returns true if the keywords of both schemas have the same meaning.
    pub fn has_dialect_of(&self, other: &Self) -> bool {
        self.document.dialect() == other.document.dialect()
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
        let name = match self.document.dialect() {
            Dialect::Draft2020 => "prefixItems",
            _ if self.get("items").is_some_and(Value::is_array) => "items",
            _ => return Vec::new(),
        };
        self.schemas(name)
    }

    /// Returns the schema of all elements after the first ones.
    pub fn other_items(&self) -> Option<Self> {
        let is_list = self.get("items").is_some_and(Value::is_array);
        match self.document.dialect() {
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
            schema: self.document.whole().pointer(pointer)?,
            at: pointer.to_owned(),
        })
    }

    /// Returns a schema that can be compiled alone and accepts the same values, or `None` if a
    /// reference needs more of the document than its definitions.
    pub fn detached(&self) -> Option<Value> {
        let root = self.document.whole();
        if self.at.is_empty() {
            return Some(root.clone());
        }
        if !self.document.has_only_definitions() {
            return None;
        }
        let mut detached = Map::new();
        for member in ["$schema", "$defs", "definitions"] {
            if let Some(value) = root.get(member) {
                detached.insert(member.to_owned(), value.clone());
            }
        }
        detached.insert("allOf".to_owned(), Value::from(vec![self.schema.clone()]));
        Some(Value::Object(detached))
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
}

/// Escapes a name for a JSON pointer (RFC 6901, section 3).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
