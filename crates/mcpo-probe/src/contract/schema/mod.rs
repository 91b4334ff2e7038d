//! Shows that each value that one schema accepts is also accepted by another schema.
//!
//! The proof goes keyword by keyword through the schema that must accept the values (the *target*)
//! and looks for a reason in what is known about the values (the [`Facts`] of the other schema). A
//! keyword without a reason is a [`Rejection`]. So an empty list of rejections is a proof, and a rejection
//! is either a value that is no longer accepted or a limit of the proof.
//!
//! One kind of value is left out: an optional member that the target declares and the other schema
//! does not name, if the other schema says nothing about additional members. Such a value was
//! accepted, but it was never described. Otherwise no argument could ever be added.

mod alternatives;
mod arrays;
mod disjoint;
mod document;
mod facts;
mod keywords;
mod kinds;
mod lost;
mod members;
mod node;
mod numbers;
mod objects;
mod same;
mod strings;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use self::{document::SchemaDocument, facts::Facts, keywords::CONTENT, kinds::Kinds, node::Node};
pub use self::{
    keywords::{Keyword, keyword},
    lost::{LostMembers, lost_members},
    node::escaped,
};
use crate::json_schema::{Formats, Validator, validator};

/// The most pairs of schemas that are compared, so that a hostile schema costs little time.
const MAX_STEPS: usize = 5_000;
/// The most parts of facts in one step.
const PARTS_OF_STEP: usize = 50;
/// The most alternatives that are distinguished.
const MAX_ALTERNATIVES: usize = 200;
/// How deep comparisons may be nested.
const MAX_DEPTH: usize = 60;
/// The most schemas in all documents that are compiled. Each document is compiled as a whole.
const MAX_COMPILED: usize = 1_000_000;

/// A keyword of the target that may reject a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rejection {
    /// The JSON pointer of the keyword.
    pub at: String,
    pub reason: Reason,
}

/// Why a keyword may reject a value. The text continues the sentence "the schema …".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It rejects values that the other schema seems to accept.
    Rejects(String),
    /// The proof does not cover this.
    Unproven(String),
}

/// Returns true if a validator may check what is a [`Keyword::Text`] elsewhere: because a reference
/// leads into it, or because of the dialect.
pub fn checks_texts(schema: &Value) -> bool {
    SchemaDocument::new(schema).checks_texts()
}

/// Returns the keywords of `target` that may reject a value that `source` accepts. If there are
/// none, `target` accepts all of these values, except for undescribed members (see the module).
pub fn rejections(source: &Value, target: &Value) -> Vec<Rejection> {
    if source == target {
        return Vec::new();
    }
    let (source, target) = (SchemaDocument::new(source), SchemaDocument::new(target));
    if !source.is_supported() || !target.is_supported() {
        let reason = "its dialect or a nested $id is not supported here";
        return vec![Rejection::unproven(&Node::root(&target), "", reason)];
    }
    let mut prover = Prover::default();
    let mut rejections = prover.check(&Facts::of(&[Node::root(&source)]), &Node::root(&target));
    if prover.steps >= MAX_STEPS {
        rejections.push(Rejection::unproven(
            &Node::root(&target),
            "",
            "it is too complex",
        ));
    }
    let mut found = HashSet::new();
    rejections.retain(|rejection| found.insert(rejection.clone()));
    rejections
}

impl Rejection {
    fn rejects(target: &Node<'_>, keyword: &str, what: impl Into<String>) -> Self {
        Self {
            at: pointer(target, keyword),
            reason: Reason::Rejects(what.into()),
        }
    }

    fn unproven(target: &Node<'_>, keyword: &str, why: impl Into<String>) -> Self {
        Self {
            at: pointer(target, keyword),
            reason: Reason::Unproven(why.into()),
        }
    }
}

fn pointer(target: &Node<'_>, keyword: &str) -> String {
    if keyword.is_empty() {
        target.at.clone()
    } else {
        format!("{}/{keyword}", target.at)
    }
}

/// The state of a proof.
#[derive(Default)]
struct Prover {
    steps: usize,
    depth: usize,
    /// The number of objects and arrays around the values.
    level: usize,
    /// The comparisons in progress that began at a reference, and their level.
    begun: Vec<(String, usize)>,
    /// Compiled schemas by document and place; `None` if one cannot be compiled.
    validators: HashMap<(*const Value, String, Formats), Option<Validator>>,
    /// The number of schemas in the documents that were compiled.
    compiled: usize,
}

impl Prover {
    /// Returns the keywords of `target` that may reject a value with these facts.
    fn check<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        self.count_step(facts);
        if self.steps >= MAX_STEPS || self.depth >= MAX_DEPTH {
            return vec![Rejection::unproven(target, "", "it is too complex")];
        }
        if facts.is_never || facts.parts.iter().any(|part| part.is_same(target)) {
            return Vec::new();
        }
        let Some(members) = target.members() else {
            return if *target.schema == Value::Bool(true) {
                Vec::new()
            } else {
                vec![Rejection::rejects(target, "", "accepts no value here")]
            };
        };
        if let Some(values) = self.listed(facts)
            && let Some(rejections) = self.check_values(&values, target)
        {
            return rejections;
        }
        self.depth += 1;
        let mut rejections = Vec::new();
        for (name, value) in members {
            rejections.extend(self.check_keyword(facts, target, name, value));
        }
        self.depth -= 1;
        rejections
    }

    /// Counts a comparison with facts. Many parts cost more time.
    fn count_step(&mut self, facts: &Facts<'_>) {
        self.steps += 1 + facts.parts.len() / PARTS_OF_STEP;
    }

    /// Checks the schemas of parts of the values, such as members.
    fn check_below<'s>(&mut self, sources: &[Node<'s>], target: &Node<'s>) -> Vec<Rejection> {
        self.check_facts_below(&Facts::of(sources), target)
    }

    /// Does the same as [`Self::check_below`].
    fn check_facts_below<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        self.level += 1;
        let rejections = self.check(facts, target);
        self.level -= 1;
        rejections
    }

    /// Checks one keyword. If the facts do not suffice, it distinguishes the alternatives that the
    /// values have.
    fn check_keyword<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
        name: &str,
        value: &'s Value,
    ) -> Vec<Rejection> {
        if self.steps >= MAX_STEPS {
            return vec![Rejection::unproven(target, "", "it is too complex")];
        }
        let rejections = self.check_directly(facts, target, name, value);
        if rejections.is_empty() {
            return rejections;
        }
        let mut cases = Vec::new();
        if let Some(alternatives) = facts.alternatives.first() {
            // Each case also has the exclusions of `oneOf`, so the work grows with the square.
            if alternatives.schemas.len() <= MAX_ALTERNATIVES {
                cases = facts.split(0);
            }
        } else if ["anyOf", "oneOf"].contains(&name) {
            cases.extend(facts.kinds.each().map(|kind| facts.only(kind)));
        }
        if cases.is_empty() || (cases.len() == 1 && facts.alternatives.is_empty()) {
            return rejections;
        }
        // The cases of several lists are nested.
        if self.depth >= MAX_DEPTH {
            return rejections;
        }
        self.depth += 1;
        let mut remaining = Vec::new();
        for case in &cases {
            self.count_step(case);
            if self.steps >= MAX_STEPS {
                remaining = rejections;
                break;
            }
            if case.is_never {
                continue;
            }
            let values = self.listed(case);
            let found = values.and_then(|values| self.check_values(&values, target));
            let found = found.unwrap_or_else(|| self.check_keyword(case, target, name, value));
            remaining.extend(found);
        }
        self.depth -= 1;
        // The rejections of the cases are closer to the cause.
        remaining
    }

    fn check_directly<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
        name: &str,
        value: &'s Value,
    ) -> Vec<Rejection> {
        match name {
            "$ref" => self.check_reference(facts, target),
            "type" => check_type(facts, target, value),
            "const" | "enum" => {
                let only = if name == "const" {
                    "one value"
                } else {
                    "the listed values"
                };
                vec![Rejection::rejects(
                    target,
                    name,
                    format!("accepts only {only}"),
                )]
            }
            "allOf" => {
                let parts = target.schemas(name).into_iter();
                parts.flat_map(|part| self.check(facts, &part)).collect()
            }
            "anyOf" => self.check_any(facts, target),
            "oneOf" => self.check_one(facts, target),
            "not" => self.check_not(facts, target),
            "if" => self.check_condition(facts, target),
            // They have an effect only next to `if`.
            "then" | "else" => Vec::new(),
            "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf" => {
                numbers::check(facts, target, name, value)
            }
            "minLength" | "maxLength" | "pattern" => strings::check(facts, target, name, value),
            "format" => strings::check_format(facts, target, value),
            _ => match target.keyword(name) {
                Keyword::Dynamic => vec![Rejection::unproven(
                    target,
                    name,
                    "it uses dynamic references",
                )],
                Keyword::Text | Keyword::Identity | Keyword::Definitions => Vec::new(),
                _ if CONTENT.contains(&name) => strings::check_content(facts, target, name, value),
                _ if arrays::is_about(name) => self.check_array(facts, target, name, value),
                _ => self.check_object(facts, target, name, value),
            },
        }
    }

    /// Follows a reference. A comparison that is already in progress holds for the parts of the
    /// values, by induction over their size.
    fn check_reference<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        let Some(next) = target.target() else {
            return vec![Rejection::unproven(
                target,
                "$ref",
                "this reference is not supported",
            )];
        };
        let key = format!("{} {}", facts.key(), next.at);
        if let Some((_, level)) = self.begun.iter().find(|(begun, _)| *begun == key) {
            return if *level < self.level {
                Vec::new()
            } else {
                vec![Rejection::unproven(target, "$ref", "it refers to itself")]
            };
        }
        self.begun.push((key, self.level));
        let rejections = self.check(facts, &next);
        self.begun.pop();
        rejections
    }

    /// Returns whether the schema accepts the value, or `None` if that is unknown.
    fn is_accepted(&mut self, schema: &Node<'_>, value: &Value, formats: Formats) -> Option<bool> {
        let document = std::ptr::from_ref(schema.document.whole());
        let key = (document, schema.at.clone(), formats);
        let compiled = &mut self.compiled;
        let validator = self.validators.entry(key).or_insert_with(|| {
            *compiled += schema.document.size();
            if *compiled > MAX_COMPILED {
                return None;
            }
            let detached = schema.detached()?;
            validator(&detached, formats)
        });
        Some(validator.as_ref()?.is_valid(value))
    }

    /// Returns true if the schema certainly rejects the value, even if formats are not checked.
    fn is_rejected(&mut self, schema: &Node<'_>, value: &Value) -> bool {
        self.is_accepted(schema, value, Formats::Ignored) == Some(false)
    }
}

fn check_type(facts: &Facts<'_>, target: &Node<'_>, value: &Value) -> Vec<Rejection> {
    let Some(kinds) = Kinds::of_keyword(value) else {
        return vec![Rejection::unproven(target, "type", "its type is invalid")];
    };
    let missing = facts.kinds.without(kinds);
    if missing.is_empty() {
        return Vec::new();
    }
    let what = format!("does not accept {}", missing.names());
    vec![Rejection::rejects(target, "type", what)]
}
