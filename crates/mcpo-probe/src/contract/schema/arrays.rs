//! Elements of arrays.

use serde_json::Value;

use super::{
    Prover, Rejection,
    facts::{Facts, count},
    kinds::Kinds,
    node::Node,
};

/// Returns true for keywords about arrays.
pub fn is_about(name: &str) -> bool {
    matches!(
        name,
        "items"
            | "additionalItems"
            | "prefixItems"
            | "contains"
            | "minContains"
            | "maxContains"
            | "minItems"
            | "maxItems"
            | "uniqueItems"
            | "unevaluatedItems"
    )
}

impl Prover {
    pub(super) fn check_array<'s>(
        &mut self,
        facts: &Facts<'s>,
        target: &Node<'s>,
        name: &str,
        value: &'s Value,
    ) -> Vec<Rejection> {
        if !facts.kinds.meets(Kinds::ARRAY) {
            return Vec::new();
        }
        let most = facts.longest();
        let rejection = match (name, value) {
            ("minItems", _) => {
                let Some(least) = count(value) else {
                    return vec![Rejection::unproven(target, name, "its value is invalid")];
                };
                if least == 0 || facts.greatest(name) >= Some(least) {
                    return Vec::new();
                }
                Rejection::rejects(
                    target,
                    name,
                    format!("does not accept fewer than {least} elements"),
                )
            }
            ("maxItems", _) => {
                let Some(limit) = count(value) else {
                    return vec![Rejection::unproven(target, name, "its value is invalid")];
                };
                if most <= limit {
                    return Vec::new();
                }
                Rejection::rejects(
                    target,
                    name,
                    format!("does not accept more than {limit} elements"),
                )
            }
            ("uniqueItems", _) => {
                let mut known = facts.values(name);
                if *value == Value::Bool(false)
                    || most <= 1
                    || known.any(|known| *known == Value::Bool(true))
                {
                    return Vec::new();
                }
                Rejection::rejects(target, name, "does not accept equal elements")
            }
            // One check covers all elements, because these keywords depend on each other.
            ("items", _) => return self.check_items(facts, target),
            ("prefixItems", _) if target.get("items").is_none() => {
                return self.check_items(facts, target);
            }
            ("prefixItems" | "additionalItems" | "minContains" | "maxContains", _) => {
                return Vec::new();
            }
            ("contains", _) => return check_contains(facts, target),
            (_, Value::Bool(true)) => return Vec::new(),
            _ => Rejection::unproven(target, name, "unevaluated elements are not analyzed"),
        };
        vec![rejection]
    }

    fn check_items<'s>(&mut self, facts: &Facts<'s>, target: &Node<'s>) -> Vec<Rejection> {
        let first = target.first_items();
        let others = target.other_items();
        let is_list = target.get("items").is_some_and(Value::is_array);
        if is_list && first.is_empty() {
            return vec![Rejection::unproven(
                target,
                "items",
                "its dialect has no list of items",
            )];
        }
        let most = facts.longest();
        let separate = facts.first_items().max(first.len());
        let mut rejections = Vec::new();
        // The last index represents all later elements.
        for index in 0..=separate {
            if index as u64 >= most {
                break;
            }
            if let Some(schema) = first.get(index).or(others.as_ref()) {
                rejections.extend(self.check_below(&facts.element(index), schema));
            }
        }
        rejections
    }
}

fn check_contains(facts: &Facts<'_>, target: &Node<'_>) -> Vec<Rejection> {
    let limit = |schema: &Node<'_>, name: &str| schema.get(name).and_then(count);
    for name in ["minContains", "maxContains"] {
        if target.get(name).is_some() && limit(target, name).is_none() {
            return vec![Rejection::unproven(target, name, "its value is invalid")];
        }
    }
    let (least, most) = (
        limit(target, "minContains").unwrap_or(1),
        limit(target, "maxContains"),
    );
    if least == 0 && most.is_none() {
        return Vec::new();
    }
    let contained = target.child("contains");
    let is_implied = facts.parts.iter().any(|part| {
        let is_same = match (part.child("contains"), &contained) {
            (Some(known), Some(contained)) => known.is_same(contained),
            _ => false,
        };
        let known = limit(part, "maxContains");
        let known_least = match part.get("minContains") {
            Some(value) => count(value).unwrap_or(0),
            None => 1,
        };
        is_same
            && known_least >= least
            && most.is_none_or(|most| known.is_some_and(|known| known <= most))
    });
    if is_implied {
        Vec::new()
    } else {
        vec![Rejection::unproven(
            target,
            "contains",
            "a changed \"contains\" is not analyzed",
        )]
    }
}
