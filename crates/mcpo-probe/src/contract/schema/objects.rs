//! Members of objects.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Failure, Prover,
    facts::{Facts, matches},
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
    ) -> Vec<Failure> {
        if !facts.kinds.meets(Kinds::OBJECT) {
            return Vec::new();
        }
        let is_valid = match name {
            "required" => value.is_array(),
            "properties" | "patternProperties" | "dependentRequired" | "dependentSchemas"
            | "dependencies" => value.is_object(),
            "minProperties" | "maxProperties" => value.is_u64(),
            _ => true,
        };
        if !is_valid {
            return vec![Failure::unproven(target, name, "its value is invalid")];
        }
        match name {
            "required" => {
                let missing = target
                    .strings(name)
                    .filter(|member| !facts.requires(member));
                let missing = missing
                    .map(|member| Failure::rejects(target, name, format!("requires \"{member}\"")));
                missing.collect()
            }
            "properties" => {
                let schemas = target.children(name).into_iter();
                let failures = schemas.flat_map(|(member, schema)| {
                    let member = facts.member(member);
                    if member.is_undeclared {
                        return Vec::new();
                    }
                    self.check_below(&member.schemas, &schema)
                });
                failures.collect()
            }
            "patternProperties" => self.check_patterns(facts, target),
            "additionalProperties" => self.check_additional(facts, target),
            "propertyNames" => self.check_names(facts, target),
            "minProperties" | "maxProperties" => check_count(facts, target, name, value),
            "dependentRequired" => check_dependent(facts, target, value),
            "dependentSchemas" => self.check_dependent_schemas(facts, target),
            _ if *value == Value::Bool(true) => Vec::new(),
            "dependencies" if is_kept(facts, name, value) => Vec::new(),
            _ => vec![Failure::unproven(
                target,
                name,
                format!("a changed \"{name}\" is not analyzed"),
            )],
        }
    }

    fn check_patterns<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Failure> {
        let mut failures = Vec::new();
        for (pattern, schema) in target.children("patternProperties") {
            let known = facts.parts.iter();
            let known: Vec<_> = known
                .filter_map(|part| part.named("patternProperties", pattern))
                .collect();
            if !known.is_empty() {
                failures.extend(self.check_below(&known, &schema));
            } else if let Some(members) = facts.all_members() {
                let matching = members.into_iter();
                for member in matching.filter(|name| matches(pattern, name) != Some(false)) {
                    failures.extend(self.check_below(&facts.member(member).schemas, &schema));
                }
            } else if !self.check_below(&[], &schema).is_empty() {
                failures.push(if facts.values("patternProperties").next().is_some() {
                    Failure::unproven(target, "patternProperties", "patterns are not compared")
                } else {
                    let what = format!("restricts the members like {pattern}");
                    Failure::rejects(target, "patternProperties", what)
                });
            }
        }
        failures
    }

    /// Checks the members that `additionalProperties` of the target applies to.
    fn check_additional<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Failure> {
        let Some(schema) = target.child("additionalProperties") else {
            return Vec::new();
        };
        let declared = target.children("properties").into_iter();
        let declared: BTreeSet<_> = declared.map(|(name, _)| name).collect();
        let patterns = target.children("patternProperties");
        let is_matched = |name: &str| {
            let mut patterns = patterns.iter();
            patterns.any(|(pattern, _)| matches(pattern, name) == Some(true))
        };
        let mut failures = Vec::new();
        for name in facts.properties() {
            if !is_matched(name)
                && !declared.contains(name)
                && !self
                    .check_below(&facts.member(name).schemas, &schema)
                    .is_empty()
            {
                let keyword = format!("properties/{}", escaped(name));
                let what = format!("does not accept \"{name}\" as before");
                failures.push(Failure::rejects(target, &keyword, what));
            }
        }
        for part in &facts.parts {
            for (pattern, known) in part.children("patternProperties") {
                if target.named("patternProperties", pattern).is_some()
                    || self.check_below(&[known], &schema).is_empty()
                {
                    continue;
                }
                failures.push(if patterns.is_empty() {
                    let what = format!("does not accept members like {pattern} as before");
                    Failure::rejects(target, "additionalProperties", what)
                } else {
                    Failure::unproven(target, "patternProperties", "patterns are not compared")
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
                failures.push(Failure::rejects(target, "additionalProperties", what));
            }
        } else {
            failures.extend(self.check_below(&others, &schema));
        }
        failures
    }

    fn check_names<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Failure> {
        let Some(schema) = target.child("propertyNames") else {
            return Vec::new();
        };
        if let Some(members) = facts.all_members() {
            let members: Vec<_> = members.into_iter().map(Value::from).collect();
            if let Some(failures) = self.check_values(&members, &schema) {
                return failures;
            }
        }
        let known = facts
            .parts
            .iter()
            .filter_map(|part| part.child("propertyNames"));
        let known: Vec<_> = known.collect();
        self.level += 1;
        let failures = self.check(&Facts::of(&known).only(Kinds::STRING), &schema);
        self.level -= 1;
        failures
    }

    fn check_dependent_schemas<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
    ) -> Vec<Failure> {
        let mut failures = Vec::new();
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
            failures.extend(self.check(&with_member, &schema));
        }
        failures
    }
}

/// Returns true if the same value applies already, and it contains no references.
fn is_kept(facts: &Facts<'_>, name: &str, value: &Value) -> bool {
    let has_references = value.to_string().contains("\"$ref\"");
    !has_references && facts.values(name).any(|known| known == value)
}

fn check_count(facts: &Facts<'_>, target: &Node<'_>, name: &str, value: &Value) -> Vec<Failure> {
    let limit = value.as_u64().unwrap_or_default();
    let (is_implied, what) = if name == "minProperties" {
        let required = facts.parts.iter().flat_map(|part| part.strings("required"));
        let required = required.collect::<BTreeSet<_>>().len() as u64;
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
        vec![Failure::rejects(target, name, what)]
    }
}

fn check_dependent(facts: &Facts<'_>, target: &Node<'_>, value: &Value) -> Vec<Failure> {
    let mut failures = Vec::new();
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
            is_listed || facts.requires(name)
        };
        for name in needed
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !known(name) {
                let what = format!("requires \"{name}\" next to \"{member}\"");
                failures.push(Failure::rejects(target, "dependentRequired", what));
            }
        }
    }
    failures
}
