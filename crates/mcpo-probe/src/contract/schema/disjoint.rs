//! Shows that two schemas have no value in common.

use super::{
    MAX_STEPS, Prover,
    facts::{Facts, kinds},
    kinds::Kinds,
    node::Node,
};

/// How deep members are compared.
const MAX_DEPTH: usize = 3;

impl Prover {
    /// Returns true if no value with these facts is accepted by `schema`, as far as can be shown.
    pub(super) fn is_disjoint<'s>(&mut self, facts: &Facts<'s>, schema: &Node<'s>) -> bool {
        self.is_disjoint_to(facts, schema, MAX_DEPTH)
    }

    fn is_disjoint_to<'s>(&mut self, facts: &Facts<'s>, schema: &Node<'s>, depth: usize) -> bool {
        self.steps += 1;
        if self.steps >= MAX_STEPS {
            return false;
        }
        if facts.is_never || !facts.kinds.meets(kinds(schema, MAX_DEPTH)) {
            return true;
        }
        if facts
            .excluded
            .iter()
            .any(|excluded| excluded.is_same(schema))
        {
            return true;
        }
        if let Some(values) = self.listed(facts) {
            return values.iter().all(|value| self.is_rejected(schema, value));
        }
        let other = Facts::of(std::slice::from_ref(schema));
        if other.is_never {
            return true;
        }
        if let Some(values) = self.listed(&other) {
            let rejected = |prover: &mut Self, value| {
                let mut parts = facts.parts.iter();
                parts.any(|part| prover.is_rejected(part, value))
            };
            return values.iter().all(|value| rejected(self, value));
        }
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        for index in 0..other.alternatives.len() {
            let schemas = &other.alternatives[index].schemas;
            if !schemas.is_empty()
                && schemas
                    .iter()
                    .all(|schema| self.is_disjoint_to(facts, schema, depth))
            {
                return true;
            }
        }
        facts.kinds == Kinds::OBJECT && self.has_disjoint_members(facts, &other, depth)
    }

    /// Returns true if objects of both kinds differ in a member.
    fn has_disjoint_members<'s>(
        &mut self,
        facts: &Facts<'s>,
        other: &Facts<'s>,
        depth: usize,
    ) -> bool {
        if other.required().any(|name| facts.forbids(name)) {
            return true;
        }
        facts.required().any(|name| {
            if self.steps >= MAX_STEPS {
                return false;
            }
            if other.forbids(name) {
                return true;
            }
            let values = Facts::of(&facts.member(name).schemas);
            let mut schemas = other.member(name).schemas.into_iter();
            schemas.any(|schema| self.is_disjoint_to(&values, &schema, depth))
        })
    }
}
