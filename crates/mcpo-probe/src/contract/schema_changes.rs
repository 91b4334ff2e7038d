//! Lists the differences of two schemas with their classes.
//!
//! What differs is found by comparing the two texts. Whether a difference is safe is decided by the
//! proof in [`schema`](super::schema): a difference is breaking if the proof fails at its place.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::{
    change::{Change, ChangeClass},
    schema::{
        Keyword, LostMembers, Reason, Rejection, checks_texts, escaped, keyword, lost_members,
        rejections,
    },
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
    let mut differences = Vec::new();
    compare_schemas(Some(old), Some(new), String::new(), &mut differences);
    let mut texts = differences
        .iter()
        .map(|difference| difference.kind == Kind::Text);
    let (rejections, lost) =
        if texts.all(|is_text| is_text) && !checks_texts(old) && !checks_texts(new) {
            // Texts alone need no proof.
            (Vec::new(), LostMembers::default())
        } else if direction == Direction::Input {
            (rejections(old, new), lost_members(old, new))
        } else {
            (rejections(new, old), lost_members(old, new))
        };
    let lost_places = lost.members.iter().chain(&lost.of_alternatives).flatten();
    let lost_places: HashSet<_> = lost_places.collect();
    for difference in &mut differences {
        let is_lost = lost.is_incomplete || lost_places.contains(&difference.at);
        if difference.kind == Kind::RemovedProperty && !is_lost && is_in_every_value(&difference.at)
        {
            difference.kind = Kind::Other;
        }
    }
    let (matched, others) = matched(&differences, &rejections);
    let mut changes: Vec<_> = differences
        .iter()
        .zip(&matched)
        .map(|(difference, rejections)| classify(difference, rejections, direction))
        .collect();
    changes.extend(removed_members(&lost, &changes, direction));
    // The cause is elsewhere, such as a reference to another definition.
    changes.extend(others.into_iter().map(|rejection| {
        Change::new(
            ChangeClass::Breaking,
            &rejection.at,
            reasons(&[rejection], direction),
        )
    }));
    let mut classes = changes.iter().map(|change| change.class);
    if lost.is_incomplete && !classes.any(|class| class == ChangeClass::Breaking) {
        let what = "could not be shown to be compatible: not all of its members are known";
        changes.push(Change::new(ChangeClass::Breaking, "", what));
    }
    changes
}

/// Returns true if a schema applies to all values at its place. A property of an alternative or of a
/// definition may be missing although another one has it.
fn is_in_every_value(at: &str) -> bool {
    let mut names = at.split('/').skip(1);
    while let Some(name) = names.next() {
        match name {
            "properties" => drop(names.next()),
            "items" => {}
            _ => return false,
        }
    }
    true
}

/// Returns the members that are gone together with another schema, such as an alternative, or because
/// a reference leads to another definition.
fn removed_members(lost: &LostMembers, known: &[Change], direction: Direction) -> Vec<Change> {
    let known: HashSet<_> = known.iter().map(|change| &change.path).collect();
    let is_known = |at: &String| known.contains(at);
    // Clients already expect results without a member that only some alternatives have.
    let of_alternatives = (direction == Direction::Input).then_some(&lost.of_alternatives);
    let all = lost
        .members
        .iter()
        .chain(of_alternatives.into_iter().flatten());
    let unknown = all.filter(|places| !places.iter().any(is_known));
    let first = unknown.filter_map(|places| places.first());
    first
        .map(|at| Change::new(ChangeClass::Breaking, at, lost_effect(direction)))
        .collect()
}

/// Returns the rejections that each difference may cause, and those whose cause is elsewhere.
///
/// The cause of a rejection is a difference at its place, or else around it, or else below it.
fn matched<'r>(
    differences: &[Difference<'_>],
    rejections: &'r [Rejection],
) -> (Vec<Vec<&'r Rejection>>, Vec<&'r Rejection>) {
    // An element that was removed from a list can have the place of one that was added.
    let mut all: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut checked = all.clone();
    for (index, difference) in differences.iter().enumerate() {
        let at = difference.at.as_str();
        all.entry(at).or_default().push(index);
        if difference.kind != Kind::Text {
            checked.entry(at).or_default().push(index);
        }
    }
    let mut matched = vec![Vec::new(); differences.len()];
    let mut others = Vec::new();
    for rejection in rejections {
        let at = rejection.at.as_str();
        let mut places = all.get(at).cloned().unwrap_or_default();
        if places.is_empty() {
            let outer = at.match_indices('/').map(|(end, _)| &at[..end]);
            places.extend(outer.filter_map(|outer| checked.get(outer)).flatten());
        }
        if places.is_empty() {
            let start = format!("{at}/");
            let below = checked.range(start.as_str()..);
            let below = below.take_while(|(inner, _)| inner.starts_with(&start));
            places.extend(below.flat_map(|(_, places)| places));
        }
        if places.is_empty() {
            others.push(rejection);
        }
        for place in places {
            matched[place].push(rejection);
        }
    }
    (matched, others)
}

/// Returns what the removal of a described member means.
const fn lost_effect(direction: Direction) -> &'static str {
    match direction {
        Direction::Input => "removed; calls that pass it lose its effect",
        Direction::Output => "removed; clients that read it no longer find it",
    }
}

fn classify(
    difference: &Difference<'_>,
    rejections: &[&Rejection],
    direction: Direction,
) -> Change {
    let done = match (difference.old, difference.new) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    let (class, what) = match difference.kind {
        _ if !rejections.is_empty() => (
            ChangeClass::Breaking,
            format!("{done}; {}", reasons(rejections, direction)),
        ),
        Kind::Text => (ChangeClass::Visible, done.to_owned()),
        Kind::RemovedProperty => (ChangeClass::Breaking, lost_effect(direction).to_owned()),
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

fn reasons(rejections: &[&Rejection], direction: Direction) -> String {
    let reasons = rejections
        .iter()
        .map(|rejection| match (&rejection.reason, direction) {
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
