//! Lists the differences of two schemas with their classes.
//!
//! What differs is found by comparing the two texts. Whether a difference is safe is decided by the
//! proof in [`schema`](super::schema): a difference is breaking if the proof fails at its place.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    change::{Change, ChangeClass},
    schema::{Failure, Keyword, Reason, described_members, escaped, keyword, rejections},
};

/// A difference of two schemas at one place.
#[derive(Debug)]
struct Difference<'s> {
    /// The JSON pointer in the new schema, or in the old one if it was removed.
    at: String,
    kind: Kind,
    old: Option<&'s Value>,
    new: Option<&'s Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A text or another annotation.
    Text,
    /// A property that is no longer declared.
    RemovedProperty,
    /// Another keyword or schema.
    Other,
}

/// The direction of a comparison: which of two schemas must accept all values of the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// Arguments: the new schema must accept what clients send today.
    Input,
    /// Results: the old schema, which clients may still know, must accept what the server sends from
    /// now on.
    Output,
}

/// Returns the changes of a schema of arguments.
#[must_use]
pub fn input_changes(old: &Value, new: &Value) -> Vec<Change> {
    changes(old, new, Direction::Input)
}

/// Returns the changes of a schema of results.
#[must_use]
pub fn output_changes(old: &Value, new: &Value) -> Vec<Change> {
    changes(old, new, Direction::Output)
}

fn changes(old: &Value, new: &Value, direction: Direction) -> Vec<Change> {
    let described = described_members(new);
    let mut differences = Vec::new();
    compare_schemas(Some(old), Some(new), String::new(), &mut differences);
    let is_still_described = |difference: &Difference<'_>| {
        let name = difference.at.strip_prefix("/properties/");
        name.is_some_and(|name| described.iter().any(|known| escaped(known) == name))
    };
    for difference in &mut differences {
        if difference.kind == Kind::RemovedProperty && is_still_described(difference) {
            difference.kind = Kind::Other;
        }
    }
    // Texts alone need no proof, in no dialect.
    let failures = if differences
        .iter()
        .all(|difference| difference.kind == Kind::Text)
    {
        Vec::new()
    } else if direction == Direction::Input {
        rejections(old, new)
    } else {
        rejections(new, old)
    };
    let mut matched = vec![Vec::new(); differences.len()];
    let mut others = Vec::new();
    for failure in &failures {
        let places = places(&differences, failure);
        if places.is_empty() {
            others.push(failure);
        }
        for place in places {
            matched[place].push(failure);
        }
    }
    let mut changes: Vec<_> = differences
        .iter()
        .zip(&matched)
        .map(|(difference, failures)| classify(difference, failures, direction))
        .collect();
    let removed = removed_members(old, &described, &changes, direction);
    changes.extend(removed);
    // The cause is elsewhere, such as a reference to another definition.
    changes.extend(others.into_iter().map(|failure| {
        Change::new(
            ChangeClass::Breaking,
            &failure.at,
            reasons(&[failure], direction),
        )
    }));
    changes
}

/// Returns the members that are gone together with another schema, such as an alternative.
fn removed_members(
    old: &Value,
    described: &BTreeSet<String>,
    known: &[Change],
    direction: Direction,
) -> Vec<Change> {
    let mut removed = Vec::new();
    for name in described_members(old).difference(described) {
        let end = format!("/properties/{}", escaped(name));
        if !known.iter().any(|change| change.path.ends_with(&end)) {
            removed.push(Change::new(ChangeClass::Breaking, end, lost(direction)));
        }
    }
    removed
}

/// Returns what the removal of a described member means.
const fn lost(direction: Direction) -> &'static str {
    match direction {
        Direction::Input => "removed; calls that pass it lose its effect",
        Direction::Output => "removed; clients that read it no longer find it",
    }
}

/// Returns the differences that may be the cause of a failure: at its place, or else around it, or
/// else below it.
fn places(differences: &[Difference<'_>], failure: &Failure) -> Vec<usize> {
    let is_below = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let find = |is_there: &dyn Fn(&str) -> bool| {
        let all = differences.iter().enumerate();
        let found =
            all.filter(|(_, difference)| difference.kind != Kind::Text && is_there(&difference.at));
        found.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let exact = find(&|at| at == failure.at);
    if !exact.is_empty() {
        return exact;
    }
    let around = find(&|at| is_below(&failure.at, at));
    if !around.is_empty() {
        return around;
    }
    find(&|at| is_below(at, &failure.at))
}

fn classify(difference: &Difference<'_>, failures: &[&Failure], direction: Direction) -> Change {
    let done = match (difference.old, difference.new) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    let (class, what) = match difference.kind {
        Kind::Text => (ChangeClass::Visible, done.to_owned()),
        _ if !failures.is_empty() => (
            ChangeClass::Breaking,
            format!("{done}; {}", reasons(failures, direction)),
        ),
        Kind::RemovedProperty => (ChangeClass::Breaking, lost(direction).to_owned()),
        Kind::Other => (ChangeClass::Safe, done.to_owned()),
    };
    let change = Change::new(class, &difference.at, what);
    // A whole schema is too long for a report.
    let short = |value: Option<&Value>| !value.is_some_and(Value::is_object);
    if short(difference.old) && short(difference.new) {
        change.between(difference.old, difference.new)
    } else {
        change
    }
}

fn reasons(failures: &[&Failure], direction: Direction) -> String {
    let reasons = failures
        .iter()
        .map(|failure| match (&failure.reason, direction) {
            (Reason::Rejects(what), Direction::Input) => format!("the new schema {what}"),
            (Reason::Rejects(what), Direction::Output) => format!("the old schema {what}"),
            (Reason::Unproven(why), _) => format!("could not be shown to be compatible: {why}"),
        });
    let mut reasons: Vec<_> = reasons.collect();
    reasons.dedup();
    reasons.join("; ")
}

fn compare_schemas<'s>(
    old: Option<&'s Value>,
    new: Option<&'s Value>,
    at: String,
    found: &mut Vec<Difference<'s>>,
) {
    match (old, new) {
        _ if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for name in names(Some(old), Some(new)) {
                let at = format!("{at}/{}", escaped(name));
                compare_keyword(name, (old.get(name), new.get(name)), at, found);
            }
        }
        _ => found.push(Difference {
            at,
            kind: Kind::Other,
            old,
            new,
        }),
    }
}

fn compare_keyword<'s>(
    name: &str,
    (old, new): (Option<&'s Value>, Option<&'s Value>),
    at: String,
    found: &mut Vec<Difference<'s>>,
) {
    match (keyword(name), old, new) {
        _ if old == new => {}
        (Keyword::Text, ..) => found.push(Difference {
            at,
            kind: Kind::Text,
            old,
            new,
        }),
        (Keyword::Schemas | Keyword::Definitions, ..) if are_maps(old, new) => {
            let map = |value: Option<&'s Value>| value.and_then(Value::as_object);
            let (old, new) = (map(old), map(new));
            for key in names(old, new) {
                let (old, new) = (
                    old.and_then(|map| map.get(key)),
                    new.and_then(|map| map.get(key)),
                );
                let at = format!("{at}/{}", escaped(key));
                if old.is_some() && new.is_some() {
                    compare_schemas(old, new, at, found);
                    continue;
                }
                let is_removed = name == "properties" && new.is_none();
                // Clients could never use it.
                let was_usable = old != Some(&Value::Bool(false));
                let kind = if is_removed && was_usable {
                    Kind::RemovedProperty
                } else {
                    Kind::Other
                };
                found.push(Difference { at, kind, old, new });
            }
        }
        (
            Keyword::SchemaList | Keyword::Schema,
            Some(Value::Array(old)),
            Some(Value::Array(new)),
        ) => {
            compare_lists(old, new, &at, found);
        }
        (Keyword::Schema, Some(old), Some(new)) => {
            compare_schemas(Some(old), Some(new), at, found);
        }
        _ => found.push(Difference {
            at,
            kind: Kind::Other,
            old,
            new,
        }),
    }
}

/// Returns true if each value that is present is an object.
fn are_maps(old: Option<&Value>, new: Option<&Value>) -> bool {
    let mut values = [old, new].into_iter().flatten();
    values.all(Value::is_object)
}

/// Compares lists of schemas: first it pairs equal ones, then the rest in order.
fn compare_lists<'s>(
    old: &'s [Value],
    new: &'s [Value],
    at: &str,
    found: &mut Vec<Difference<'s>>,
) {
    let earlier = found.len();
    let mut left: Vec<_> = old.iter().enumerate().collect();
    let mut unpaired = Vec::new();
    for (index, schema) in new.iter().enumerate() {
        match left.iter().position(|(_, old)| *old == schema) {
            Some(place) => {
                left.remove(place);
            }
            None => unpaired.push((index, schema)),
        }
    }
    let mut left = left.into_iter();
    let mut unpaired = unpaired.into_iter();
    loop {
        match (left.next(), unpaired.next()) {
            (Some((_, old)), Some((index, new))) => {
                compare_schemas(Some(old), Some(new), format!("{at}/{index}"), found);
            }
            (None, None) => break,
            (old, new) => found.push(Difference {
                at: format!("{at}/{}", new.or(old).map_or(0, |(index, _)| index)),
                kind: Kind::Other,
                old: old.map(|(_, schema)| schema),
                new: new.map(|(_, schema)| schema),
            }),
        }
    }
    if found.len() == earlier && old != new {
        // Only the order differs.
        found.push(Difference {
            at: at.to_owned(),
            kind: Kind::Other,
            old: None,
            new: None,
        });
    }
}

/// Returns the names of the members of both, sorted.
fn names<'s>(
    old: Option<&'s Map<String, Value>>,
    new: Option<&'s Map<String, Value>>,
) -> Vec<&'s str> {
    let members = [old, new].into_iter().flatten();
    let mut names: Vec<_> = members.flat_map(Map::keys).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}
