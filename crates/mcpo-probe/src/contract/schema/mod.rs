//! Shows that each value that one schema accepts is also accepted by another schema.
//!
//! The proof goes keyword by keyword through the schema that must accept the values (the *target*)
//! and looks for a reason in what is known about the values (the [`Facts`] of the other schema). A
//! keyword without a reason is a [`Failure`]. So an empty list of failures is a proof, and a failure
//! is either a value that is no longer accepted or a limit of the proof.
//!
//! One kind of value is left out: an optional member that the target declares and the other schema
//! does not name, if the other schema says nothing about additional members. Such a value was
//! accepted, but it was never described. Otherwise no argument could ever be added.

mod alternatives;
mod arrays;
mod disjoint;
mod facts;
mod keywords;
mod kinds;
mod node;
mod numbers;
mod objects;
mod strings;

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use self::{
    facts::Facts,
    kinds::Kinds,
    node::{Document, Node},
};
pub use self::{
    keywords::{Keyword, keyword},
    node::escaped,
};
use crate::json_schema::{Formats, Validator, validator};

/// The most pairs of schemas that are compared, so that a hostile schema costs little time.
const MAX_STEPS: usize = 5_000;
/// How deep comparisons may be nested.
const MAX_DEPTH: usize = 60;

/// A keyword of the target that may reject a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The JSON pointer of the keyword.
    pub at: String,
    pub reason: Reason,
}

/// Why a keyword may reject a value. The text continues the sentence "the schema …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It rejects values that the other schema seems to accept.
    Rejects(String),
    /// The proof does not cover this.
    Unproven(String),
}

/// Returns the keywords of `target` that may reject a value that `source` accepts. If there are
/// none, `target` accepts all of these values, except for undescribed members (see the module).
pub fn rejections(source: &Value, target: &Value) -> Vec<Failure> {
    if source == target {
        return Vec::new();
    }
    let (source, target) = (Document::new(source), Document::new(target));
    if !source.is_supported() || !target.is_supported() {
        let reason = "its dialect or a nested $id is not supported here";
        return vec![Failure::unproven(&target.root(), "", reason)];
    }
    let mut prover = Prover::default();
    let mut failures = prover.check(&Facts::of(&[source.root()]), &target.root());
    if prover.steps >= MAX_STEPS {
        failures.push(Failure::unproven(&target.root(), "", "it is too complex"));
    }
    let mut found = Vec::new();
    for failure in failures {
        if !found.contains(&failure) {
            found.push(failure);
        }
    }
    found
}

/// Returns the members that a schema describes for its objects, in all alternatives.
pub fn described_members(schema: &Value) -> BTreeSet<String> {
    let document = Document::new(schema);
    let facts = Facts::of(&[document.root()]);
    facts
        .described
        .iter()
        .map(|name| (*name).to_owned())
        .collect()
}

impl Failure {
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
}

impl Prover {
    /// Returns the keywords of `target` that may reject a value with these facts.
    fn check<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Failure> {
        self.steps += 1;
        if self.steps >= MAX_STEPS || self.depth >= MAX_DEPTH {
            return vec![Failure::unproven(target, "", "it is too complex")];
        }
        if facts.is_never || facts.parts.iter().any(|part| part.is_same(target)) {
            return Vec::new();
        }
        let Some(members) = target.members() else {
            return if *target.schema == Value::Bool(true) {
                Vec::new()
            } else {
                vec![Failure::rejects(target, "", "accepts no value here")]
            };
        };
        if let Some(values) = self.listed(facts)
            && let Some(failures) = self.check_values(&values, target)
        {
            return failures;
        }
        self.depth += 1;
        let mut failures = Vec::new();
        for (name, value) in members {
            failures.extend(self.check_keyword(facts, target, name, value));
        }
        self.depth -= 1;
        failures
    }

    /// Checks the schemas of parts of the values, such as members.
    fn check_below<'s>(&mut self, sources: &[Node<'s>], target: &Node<'s>) -> Vec<Failure> {
        self.level += 1;
        let failures = self.check(&Facts::of(sources), target);
        self.level -= 1;
        failures
    }

    /// Checks one keyword. If the facts do not suffice, it distinguishes the alternatives that the
    /// values have.
    fn check_keyword<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
        name: &str,
        value: &'s Value,
    ) -> Vec<Failure> {
        let failures = self.check_directly(facts, target, name, value);
        if failures.is_empty() {
            return failures;
        }
        let mut cases = Vec::new();
        if !facts.alternatives.is_empty() {
            cases = facts.split(0);
        } else if ["anyOf", "oneOf"].contains(&name) {
            cases.extend(facts.kinds.each().map(|kind| facts.only(kind)));
        }
        if cases.is_empty() || (cases.len() == 1 && facts.alternatives.is_empty()) {
            return failures;
        }
        let mut remaining = Vec::new();
        for case in &cases {
            self.steps += 1;
            if self.steps >= MAX_STEPS {
                return failures;
            }
            if case.is_never {
                continue;
            }
            let values = self.listed(case);
            let found = values.and_then(|values| self.check_values(&values, target));
            let found = found.unwrap_or_else(|| self.check_keyword(case, target, name, value));
            remaining.extend(found);
        }
        // The failures of the cases are closer to the cause.
        remaining
    }

    fn check_directly<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
        name: &str,
        value: &'s Value,
    ) -> Vec<Failure> {
        match name {
            "$ref" => self.check_reference(facts, target),
            "type" => check_type(facts, target, value),
            "const" | "enum" => {
                let only = if name == "const" {
                    "one value"
                } else {
                    "the listed values"
                };
                vec![Failure::rejects(
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
            _ => match keyword(name) {
                Keyword::Dynamic => vec![Failure::unproven(
                    target,
                    name,
                    "it uses dynamic references",
                )],
                Keyword::Text | Keyword::Identity | Keyword::Definitions => Vec::new(),
                _ if arrays::is_about(name) => self.check_array(facts, target, name, value),
                _ => self.check_object(facts, target, name, value),
            },
        }
    }

    /// Follows a reference. A comparison that is already in progress holds for the parts of the
    /// values, by induction over their size.
    fn check_reference<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Failure> {
        let Some(next) = target.target() else {
            return vec![Failure::unproven(
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
                vec![Failure::unproven(target, "$ref", "it refers to itself")]
            };
        }
        self.begun.push((key, self.level));
        let failures = self.check(facts, &next);
        self.begun.pop();
        failures
    }

    /// Returns whether the schema accepts the value, or `None` if that is unknown.
    fn is_accepted(&mut self, schema: &Node<'_>, value: &Value, formats: Formats) -> Option<bool> {
        let document = std::ptr::from_ref(schema.document.whole());
        let key = (document, schema.at.clone(), formats);
        let validator = self.validators.entry(key).or_insert_with(|| {
            let detached = schema.document.detached(schema)?;
            validator(&detached, formats)
        });
        Some(validator.as_ref()?.is_valid(value))
    }

    /// Returns true if the schema certainly rejects the value, even if formats are not checked.
    fn is_rejected(&mut self, schema: &Node<'_>, value: &Value) -> bool {
        self.is_accepted(schema, value, Formats::Ignored) == Some(false)
    }
}

fn check_type(facts: &Facts<'_>, target: &Node<'_>, value: &Value) -> Vec<Failure> {
    let Some(kinds) = Kinds::of_keyword(value) else {
        return vec![Failure::unproven(target, "type", "its type is invalid")];
    };
    let missing = facts.kinds.without(kinds);
    if missing.is_empty() {
        return Vec::new();
    }
    let what = format!("does not accept {}", missing.names());
    vec![Failure::rejects(target, "type", what)]
}
