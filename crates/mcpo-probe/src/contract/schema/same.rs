//! Finds schemas that accept the same values because they consist of the same keywords.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::{keywords::Keyword, node::Node};

/// The most pairs of schemas that one comparison compares.
const MAX_PAIRS: usize = 2_000;
/// How deep a comparison follows schemas and references.
const MAX_DEPTH: usize = 200;
/// The longest list that is compared without its order.
const MAX_SET: usize = 1_000;

impl Node<'_> {
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
