//! Members of objects.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::{
    MAX_STEPS, PARTS_OF_STEP, Prover, Rejection,
    facts::{Facts, count},
    kinds::Kinds,
    node::{Node, escaped},
};

impl Prover {
    pub(super) fn check_object<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
        name: &str,
        value: &'s Value,
    ) -> Vec<Rejection> {
        if !facts.kinds.meets(Kinds::OBJECT) {
            return Vec::new();
        }
        let is_valid = match name {
            "required" => value.is_array(),
            "properties" | "patternProperties" | "dependentRequired" | "dependentSchemas"
            | "dependencies" => value.is_object(),
            "minProperties" | "maxProperties" => count(value).is_some(),
            _ => true,
        };
        if !is_valid {
            return vec![Rejection::unproven(target, name, "its value is invalid")];
        }
        match name {
            "required" => {
                let required: HashSet<_> = facts.required().collect();
                let missing = target
                    .strings(name)
                    .filter(|member| !required.contains(member));
                let missing = missing.map(|member| {
                    Rejection::rejects(target, name, format!("requires \"{member}\""))
                });
                missing.collect()
            }
            "properties" => {
                let schemas = target.children(name).into_iter();
                let cost = patterns_cost(facts);
                let rejections = schemas.flat_map(|(member, schema)| {
                    self.steps += cost;
                    // The result is reported as too complex.
                    if self.steps >= MAX_STEPS {
                        return Vec::new();
                    }
                    let member = facts.member(member);
                    if member.is_undeclared {
                        return Vec::new();
                    }
                    self.check_below(&member.schemas, &schema)
                });
                rejections.collect()
            }
            "patternProperties" => self.check_patterns(facts, target),
            "additionalProperties" => self.check_additional(facts, target),
            "propertyNames" => self.check_names(facts, target),
            "minProperties" | "maxProperties" => check_count(facts, target, name, value),
            "dependentRequired" => check_dependent(facts, target, value),
            "dependentSchemas" => self.check_dependent_schemas(facts, target),
            _ if *value == Value::Bool(true) => Vec::new(),
            "dependencies" if is_kept(facts, name, value) => Vec::new(),
            _ => vec![Rejection::unproven(
                target,
                name,
                format!("a changed \"{name}\" is not analyzed"),
            )],
        }
    }

    fn check_patterns<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        let mut rejections = Vec::new();
        for (pattern, schema) in target.children("patternProperties") {
            let known = facts.parts.iter();
            let known: Vec<_> = known
                .filter_map(|part| part.named("patternProperties", pattern))
                .collect();
            if !known.is_empty() {
                rejections.extend(self.check_below(&known, &schema));
            } else if let Some(members) = facts.all_members() {
                let matching = members.into_iter();
                for member in
                    matching.filter(|name| target.document.matches(pattern, name) != Some(false))
                {
                    rejections.extend(self.check_below(&facts.member(member).schemas, &schema));
                }
            } else if !self.check_below(&[], &schema).is_empty() {
                rejections.push(if facts.values("patternProperties").next().is_some() {
                    Rejection::unproven(target, "patternProperties", "patterns are not compared")
                } else {
                    let what = format!("restricts the members like {pattern}");
                    Rejection::rejects(target, "patternProperties", what)
                });
            }
        }
        rejections
    }

    /// Checks the members that `additionalProperties` of the target applies to.
    fn check_additional<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        let Some(schema) = target.child("additionalProperties") else {
            return Vec::new();
        };
        let declared = target.children("properties").into_iter();
        let declared: BTreeSet<_> = declared.map(|(name, _)| name).collect();
        let patterns = target.children("patternProperties");
        let is_matched = |name: &str| {
            let mut patterns = patterns.iter();
            patterns.any(|(pattern, _)| target.document.matches(pattern, name) == Some(true))
        };
        let mut rejections = Vec::new();
        let cost = patterns_cost(facts);
        for name in facts.properties() {
            self.steps += cost;
            if self.steps < MAX_STEPS
                && !is_matched(name)
                && !declared.contains(name)
                && !self
                    .check_below(&facts.member(name).schemas, &schema)
                    .is_empty()
            {
                let keyword = format!("properties/{}", escaped(name));
                let what = format!("does not accept \"{name}\" as before");
                rejections.push(Rejection::rejects(target, &keyword, what));
            }
        }
        for part in &facts.parts {
            for (pattern, known) in part.children("patternProperties") {
                if target.named("patternProperties", pattern).is_some()
                    || self.check_below(&[known], &schema).is_empty()
                {
                    continue;
                }
                rejections.push(if patterns.is_empty() {
                    let what = format!("does not accept members like {pattern} as before");
                    Rejection::rejects(target, "additionalProperties", what)
                } else {
                    Rejection::unproven(target, "patternProperties", "patterns are not compared")
                });
            }
        }
        let others = facts
            .parts
            .iter()
            .filter_map(|part| part.child("additionalProperties"));
        let others: Vec<_> = others.collect();
        if *schema.schema == Value::Bool(false) {
            if !Facts::of(&others).is_never {
                let what = "does not accept undeclared members";
                rejections.push(Rejection::rejects(target, "additionalProperties", what));
            }
        } else {
            rejections.extend(self.check_below(&others, &schema));
        }
        rejections
    }

    fn check_names<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        let Some(schema) = target.child("propertyNames") else {
            return Vec::new();
        };
        if let Some(members) = facts.all_members() {
            let members: Vec<_> = members.into_iter().map(Value::from).collect();
            if let Some(rejections) = self.check_values(&members, &schema) {
                return rejections;
            }
        }
        let known = facts
            .parts
            .iter()
            .filter_map(|part| part.child("propertyNames"));
        let known: Vec<_> = known.collect();
        self.check_facts_below(&Facts::of(&known).only(Kinds::STRING), &schema)
    }

    fn check_dependent_schemas<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
    ) -> Vec<Rejection> {
        let mut rejections = Vec::new();
        for (member, schema) in target.children("dependentSchemas") {
            if facts.forbids(member) {
                continue;
            }
            let mut with_member = facts.clone();
            for part in &facts.parts {
                if let Some(known) = part.named("dependentSchemas", member) {
                    with_member = with_member.with(&known);
                }
            }
            rejections.extend(self.check(&with_member, &schema));
        }
        rejections
    }
}

/// Returns the steps that the patterns of `patternProperties` cost for each member.
fn patterns_cost(facts: &Facts<'_>) -> usize {
    let patterns = facts.values("patternProperties");
    let patterns = patterns.filter_map(Value::as_object);
    patterns.map(serde_json::Map::len).sum::<usize>() / PARTS_OF_STEP
}

/// Returns true if the same value applies already, and it contains no references.
fn is_kept(facts: &Facts<'_>, name: &str, value: &Value) -> bool {
    let has_references = value.to_string().contains("\"$ref\"");
    !has_references && facts.values(name).any(|known| known == value)
}

fn check_count(facts: &Facts<'_>, target: &Node<'_>, name: &str, value: &Value) -> Vec<Rejection> {
    let limit = count(value).unwrap_or_default();
    let (is_implied, what) = if name == "minProperties" {
        let required = facts.required().collect::<BTreeSet<_>>().len() as u64;
        (
            required.max(facts.greatest(name).unwrap_or(0)) >= limit,
            format!("does not accept fewer than {limit} members"),
        )
    } else {
        let listed = facts.all_members().map(|members| members.len() as u64);
        let known = [listed, facts.least(name)].into_iter().flatten().min();
        (
            known.is_some_and(|known| known <= limit),
            format!("does not accept more than {limit} members"),
        )
    };
    if is_implied {
        Vec::new()
    } else {
        vec![Rejection::rejects(target, name, what)]
    }
}

fn check_dependent(facts: &Facts<'_>, target: &Node<'_>, value: &Value) -> Vec<Rejection> {
    let mut rejections = Vec::new();
    let required: HashSet<_> = facts.required().collect();
    for (member, needed) in value.as_object().into_iter().flatten() {
        if facts.forbids(member) {
            continue;
        }
        let known = |name: &str| {
            let mut known = facts
                .values("dependentRequired")
                .filter_map(|known| known.get(member));
            let is_listed = known.any(|known| {
                let mut names = known.as_array().into_iter().flatten();
                names.any(|other| other == name)
            });
            is_listed || required.contains(name)
        };
        for name in needed
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !known(name) {
                let what = format!("requires \"{name}\" next to \"{member}\"");
                rejections.push(Rejection::rejects(target, "dependentRequired", what));
            }
        }
    }
    rejections
}
