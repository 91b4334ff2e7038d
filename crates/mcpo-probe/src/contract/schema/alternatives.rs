//! Listed values, alternatives, negations and conditions.

use serde_json::Value;

use super::{Prover, Rejection, facts::Facts, kinds::Kinds, node::Node, numbers};
use crate::json_schema::Formats;

/// The most values that are checked one by one.
const MAX_VALUES: usize = 1_000;

/// The largest difference of two limits between which all integers are checked one by one.
const MAX_RANGE: i64 = 20;

impl Prover {
    /// Returns all values with these facts, if they are listed.
    pub(super) fn listed(&mut self, facts: &Facts<'_>) -> Option<Vec<Value>> {
        let mut lists = facts.parts.iter().filter_map(listed_in);
        let values = match lists.next() {
            Some(values) => values,
            None if Kinds::NULL.or(Kinds::BOOLEAN).or(facts.kinds)
                == Kinds::NULL.or(Kinds::BOOLEAN) =>
            {
                vec![Value::Null, Value::Bool(false), Value::Bool(true)]
            }
            None => {
                let (lowest, highest) = numbers::range(facts)?;
                let lowest = i64::try_from(lowest).ok()?;
                let highest = i64::try_from(highest).ok()?;
                if highest.checked_sub(lowest)? > MAX_RANGE {
                    return None;
                }
                (lowest..=highest).map(Value::from).collect()
            }
        };
        if values.len() > MAX_VALUES {
            return None;
        }
        let mut accepted = Vec::new();
        for value in values {
            let fits = facts.kinds.meets(Kinds::of_value(&value));
            // A schema whose answer is unknown excludes no value.
            let mut parts = facts.parts.iter();
            if fits && !parts.any(|part| self.is_rejected(part, &value)) {
                accepted.push(value);
            }
        }
        Some(accepted)
    }

    /// Checks values one by one. Returns `None` if the target cannot be compiled alone.
    pub(super) fn check_values(
        &mut self,
        values: &[Value],
        target: &Node<'_>,
    ) -> Option<Vec<Rejection>> {
        let mut rejected = Vec::new();
        for value in values {
            if !self.is_accepted(target, value, Formats::Checked)? {
                rejected.push(value.to_string());
            }
        }
        if rejected.is_empty() {
            return Some(Vec::new());
        }
        let keywords = ["enum", "const", "type"].into_iter();
        let mut keywords = keywords.filter(|name| target.get(name).is_some());
        let what = format!("does not accept {}", rejected.join(", "));
        let keyword = keywords.next().unwrap_or_default();
        Some(vec![Rejection::rejects(target, keyword, what)])
    }

    pub(super) fn check_any<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        let mut attempts = Vec::new();
        for schema in target.schemas("anyOf") {
            let rejections = self.check(facts, &schema);
            if rejections.is_empty() {
                return rejections;
            }
            attempts.push((schema, rejections));
        }
        closest(facts, target, "anyOf", attempts)
    }

    pub(super) fn check_one<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        let schemas = target.schemas("oneOf");
        let mut attempts = Vec::new();
        let mut is_ambiguous = false;
        for (index, schema) in schemas.iter().enumerate() {
            let rejections = self.check(facts, schema);
            if !rejections.is_empty() {
                attempts.push((schema.clone(), rejections));
                continue;
            }
            let mut others = schemas
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index);
            if others.all(|(_, other)| self.is_disjoint(facts, other)) {
                return Vec::new();
            }
            is_ambiguous = true;
        }
        if is_ambiguous {
            let why = "more than one alternative may accept a value";
            return vec![Rejection::unproven(target, "oneOf", why)];
        }
        closest(facts, target, "oneOf", attempts)
    }

    pub(super) fn check_not<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        match target.child("not") {
            Some(schema) if self.is_disjoint(facts, &schema) => Vec::new(),
            _ => vec![Rejection::unproven(
                target,
                "not",
                "a changed \"not\" is not analyzed",
            )],
        }
    }

    pub(super) fn check_condition<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
    ) -> Vec<Rejection> {
        let Some(condition) = target.child("if") else {
            return Vec::new();
        };
        let (then, otherwise) = (target.child("then"), target.child("else"));
        let mut is_accepted = |facts: &Facts<'s>, schema: Option<&Node<'s>>| {
            schema.is_none_or(|schema| self.check(facts, schema).is_empty())
        };
        if is_accepted(facts, then.as_ref()) && is_accepted(facts, otherwise.as_ref()) {
            return Vec::new();
        }
        for part in &facts.parts {
            let Some(same) = part.child("if").filter(|same| same.is_same(&condition)) else {
                continue;
            };
            let case = |facts: &Facts<'s>, name: &str| match part.child(name) {
                Some(schema) => facts.with(&schema),
                None => facts.clone(),
            };
            let holds = case(&facts.with(&same), "then");
            let mut fails = case(facts, "else");
            fails.excluded.push(same);
            if is_accepted(&holds, then.as_ref()) && is_accepted(&fails, otherwise.as_ref()) {
                return Vec::new();
            }
        }
        vec![Rejection::unproven(
            target,
            "if",
            "a changed condition is not analyzed",
        )]
    }
}

fn listed_in(part: &Node<'_>) -> Option<Vec<Value>> {
    if let Some(value) = part.get("const") {
        return Some(vec![value.clone()]);
    }
    part.get("enum")?.as_array().cloned()
}

/// Returns the rejections of the alternative that rejects least.
fn closest<'s>(
    facts: &Facts<'s>,
    target: &Node<'s>,
    name: &str,
    attempts: Vec<(Node<'s>, Vec<Rejection>)>,
) -> Vec<Rejection> {
    let possible = attempts.into_iter();
    let possible = possible.filter(|(schema, _)| {
        Facts::of(std::slice::from_ref(schema))
            .kinds
            .meets(facts.kinds)
    });
    let closest = possible.min_by_key(|(_, rejections)| rejections.len());
    match closest {
        // With several types, the rejection may be about another alternative.
        Some((_, rejections)) if facts.kinds.each().count() == 1 => rejections,
        _ => vec![Rejection::rejects(
            target,
            name,
            format!("has no alternative for {}", facts.kinds.names()),
        )],
    }
}
