//! Limits of numbers.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{Rejection, facts::Facts, kinds::Kinds, node::Node};

/// Above this, not every integer is a 64-bit float.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A limit of the values.
#[derive(Clone, Debug)]
struct Limit {
    value: Number,
    is_exclusive: bool,
}

/// The side that a limit is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Lower,
    Upper,
}

pub fn check(facts: &Facts<'_>, target: &Node<'_>, name: &str, value: &Value) -> Vec<Rejection> {
    if !facts.kinds.meets(Kinds::NUMBER) {
        return Vec::new();
    }
    let Value::Number(number) = value else {
        return vec![Rejection::unproven(target, name, "it is not a number")];
    };
    let (is_implied, what) = match name {
        "multipleOf" => (
            is_multiple(facts, number),
            format!("accepts only multiples of {number}"),
        ),
        "minimum" => (
            is_within(facts, number, false, Side::Lower),
            format!("does not accept numbers below {number}"),
        ),
        "exclusiveMinimum" => (
            is_within(facts, number, true, Side::Lower),
            format!("accepts only numbers above {number}"),
        ),
        "maximum" => (
            is_within(facts, number, false, Side::Upper),
            format!("does not accept numbers above {number}"),
        ),
        _ => (
            is_within(facts, number, true, Side::Upper),
            format!("accepts only numbers below {number}"),
        ),
    };
    if is_implied {
        Vec::new()
    } else {
        vec![Rejection::rejects(target, name, what)]
    }
}

fn is_within(facts: &Facts<'_>, value: &Number, is_exclusive: bool, side: Side) -> bool {
    let target = Limit {
        value: value.clone(),
        is_exclusive,
    };
    let has_fractions = facts.kinds.meets(Kinds::FRACTION);
    limits(facts, side).any(|limit| {
        implies(&limit, &target, side)
            || (!has_fractions && implies_for_integers(&limit, &target, side))
    })
}

/// Returns the smallest and the largest value, if all values are integers between two limits.
pub fn range(facts: &Facts<'_>) -> Option<(i128, i128)> {
    if facts.kinds != Kinds::INTEGER {
        return None;
    }
    let lowest = limits(facts, Side::Lower).filter_map(|limit| nearest(&limit, Side::Lower));
    let highest = limits(facts, Side::Upper).filter_map(|limit| nearest(&limit, Side::Upper));
    Some((lowest.max()?, highest.min()?))
}

/// Returns the limits on one side.
fn limits(facts: &Facts<'_>, side: Side) -> impl Iterator<Item = Limit> {
    let names = match side {
        Side::Lower => [("minimum", false), ("exclusiveMinimum", true)],
        Side::Upper => [("maximum", false), ("exclusiveMaximum", true)],
    };
    names.into_iter().flat_map(move |(name, is_exclusive)| {
        let values = facts.values(name).filter_map(Value::as_number);
        values.map(move |value| Limit {
            value: value.clone(),
            is_exclusive,
        })
    })
}

/// Returns true if each number within `limit` is within `target`.
fn implies(limit: &Limit, target: &Limit, side: Side) -> bool {
    let Some(order) = compare(&limit.value, &target.value) else {
        return false;
    };
    let order = match side {
        Side::Lower => order,
        Side::Upper => order.reverse(),
    };
    match order {
        Ordering::Greater => true,
        Ordering::Equal => limit.is_exclusive || !target.is_exclusive,
        Ordering::Less => false,
    }
}

fn implies_for_integers(limit: &Limit, target: &Limit, side: Side) -> bool {
    match (nearest(limit, side), nearest(target, side)) {
        (Some(limit), Some(target)) if side == Side::Lower => limit >= target,
        (Some(limit), Some(target)) => limit <= target,
        _ => false,
    }
}

/// Returns the first integer within a limit.
fn nearest(limit: &Limit, side: Side) -> Option<i128> {
    let step = match side {
        Side::Lower => 1,
        Side::Upper => -1,
    };
    if let Some(integer) = integer(&limit.value) {
        return Some(if limit.is_exclusive {
            integer + step
        } else {
            integer
        });
    }
    let float = limit
        .value
        .as_f64()
        .filter(|float| float.abs() < MAX_EXACT)?;
    let rounded = match side {
        Side::Lower => float.ceil(),
        Side::Upper => float.floor(),
    };
    // The range was checked above.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value is an integer below 2^53"
    )]
    let integer = rounded as i128;
    // With a fraction, the limit itself is no integer.
    let is_hit = limit.is_exclusive && float.fract() == 0.0;
    Some(if is_hit { integer + step } else { integer })
}

fn integer(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (integer(one), integer(other)) {
        return Some(one.cmp(&other));
    }
    let (float, other_float) = (one.as_f64()?, other.as_f64()?);
    let is_exact = (one.is_f64() && other.is_f64())
        || (float.abs() < MAX_EXACT && other_float.abs() < MAX_EXACT);
    if is_exact {
        float.partial_cmp(&other_float)
    } else {
        None
    }
}

fn is_multiple(facts: &Facts<'_>, factor: &Number) -> bool {
    let Some(wanted) = integer(factor).filter(|wanted| *wanted > 0) else {
        // Fractions are compared as they are written, because their division is not exact.
        let mut factors = facts.values("multipleOf");
        return factors.any(|known| known.as_number() == Some(factor));
    };
    if wanted == 1 && !facts.kinds.meets(Kinds::FRACTION) {
        return true;
    }
    let mut factors = facts.values("multipleOf").filter_map(Value::as_number);
    factors.any(|known| integer(known).is_some_and(|known| known > 0 && known % wanted == 0))
}
