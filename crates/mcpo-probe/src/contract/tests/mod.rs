//! The classes of 300 changes of 30 schemas, and a check of each safe change with random values.

mod cases;
mod instances;
mod table;
mod undescribed;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::{
    instances::Instances,
    table::{Mutation, change_schema, mutations},
    undescribed::Judge,
};
use super::{
    ChangeClass,
    change::Change,
    schema::{Reason, rejections},
    schema_changes::{input_changes, output_changes},
};
use crate::json_schema::{Formats, compile};

/// The random values for each kind of keyword.
const INSTANCES: usize = 10_000;

/// Returns the class in the words of the table.
fn class(changes: &[Change]) -> &'static str {
    let worst = changes.iter().min_by_key(|change| change.class);
    let is_unproven = |change: &Change| change.what.contains("could not be shown");
    match worst.map(|change| change.class) {
        Some(ChangeClass::Breaking) => {
            let mut breaking = changes
                .iter()
                .filter(|change| change.class == ChangeClass::Breaking);
            if breaking.all(is_unproven) {
                "unproven"
            } else {
                "breaking"
            }
        }
        Some(class) => class.name(),
        None => "safe",
    }
}

#[test]
fn each_mutation_has_the_classes_of_the_table() {
    let mutations = mutations();
    assert_eq!(mutations.len(), 300);
    let mut wrong = Vec::new();
    for Mutation {
        name,
        line,
        input,
        output,
        old,
        new,
        ..
    } in &mutations
    {
        let found = [input_changes(old, new), output_changes(old, new)];
        for (expected, changes) in [*input, *output].into_iter().zip(&found) {
            if class(changes) != expected {
                let lines = changes
                    .iter()
                    .map(|change| format!("\n    {} {change}", change.class));
                wrong.push(format!(
                    "{name} {line}: expected {expected}{}",
                    lines.collect::<String>()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn arguments_that_were_valid_stay_valid_after_a_safe_change() {
    check_safe(
        |mutation| (mutation.input, &mutation.old, &mutation.new),
        &[],
    );
}

#[test]
fn results_after_a_safe_change_are_valid_for_clients_of_the_old_schema() {
    check_safe(
        |mutation| (mutation.output, &mutation.new, &mutation.old),
        &[
            r#"query_sql set /properties/sql/enum ["a","b"]"#,
            "route remove /properties/from/prefixItems/1",
            r#"list_users set /required ["role"]"#,
        ],
    );
}

/// Checks that each value of the source is valid in the target, for each case that the table calls
/// safe. There are at least [`INSTANCES`] values for each kind of keyword.
fn check_safe(case: fn(&Mutation) -> (&str, &Value, &Value), without_values: &[&str]) {
    let mutations = mutations();
    let is_safe = |mutation: &&Mutation| ["safe", "visible"].contains(&case(mutation).0);
    let mut kinds = BTreeMap::new();
    for mutation in mutations.iter().filter(is_safe) {
        *kinds.entry(mutation.kind()).or_insert(0) += 1;
    }
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    let mut random = Instances::new(42);
    let mut empty = Vec::new();
    for mutation in mutations.iter().filter(is_safe) {
        let (_, source, target) = case(mutation);
        let wanted = INSTANCES.div_ceil(kinds[mutation.kind()]);
        let valid = check_values(&mut random, source, target, wanted);
        let context = (&mutation.name, &mutation.line);
        if valid == 0 {
            empty.push(format!("{} {}", mutation.name, mutation.line));
        } else {
            assert_eq!(valid, wanted, "{context:?}");
        }
    }
    // Only schemas without any value may be left out.
    assert_eq!(empty, without_values);
}

/// Checks that random values of the source are valid in the target, and returns their number.
fn check_values(random: &mut Instances, source: &Value, target: &Value, wanted: usize) -> usize {
    let (before, after) = (
        compile(source, Formats::Checked).unwrap(),
        compile(target, Formats::Checked).unwrap(),
    );
    let judge = Judge::new(source, target);
    let mut valid = 0;
    for _ in 0..wanted * 100 {
        let value = random.value(source);
        if before.is_valid(&value) {
            valid += 1;
            // Values with undescribed members are left out of the comparison.
            let described = || judge.without_undescribed(&value);
            let is_described = |value: &Value| before.is_valid(value) && !after.is_valid(value);
            assert!(
                after.is_valid(&value) || !is_described(&described()),
                "{target} rejects {value} of {source}"
            );
        }
        if valid == wanted {
            break;
        }
    }
    valid
}

/// Changes that are safe alone may not be safe together, and the other way round.
#[test]
fn several_changes_are_called_safe_only_if_no_value_is_rejected() {
    let mutations = mutations();
    let mut random = Instances::new(7);
    let mut cases = 0;
    for _ in 0..900 {
        let first = random.pick(&mutations);
        let same = mutations.iter().filter(|other| other.name == first.name);
        let same: Vec<_> = same.collect();
        let mut new = first.new.clone();
        for _ in 0..=random.below(2) {
            let mut next = new.clone();
            if change_schema(&mut next, random.pick(&same).line).is_some() {
                new = next;
            }
        }
        let is_safe = |changes: Vec<Change>| {
            let mut changes = changes.iter();
            changes.all(|change| change.class != ChangeClass::Breaking)
        };
        if is_safe(input_changes(&first.old, &new)) {
            cases += usize::from(check_values(&mut random, &first.old, &new, 100) == 100);
        }
        if is_safe(output_changes(&first.old, &new)) {
            cases += usize::from(check_values(&mut random, &new, &first.old, 100) == 100);
        }
    }
    assert!(cases > 200, "only {cases} cases");
}

/// Values that only hand-written schemas distinguish.
#[test]
fn limits_of_the_proof_are_never_called_safe() {
    let node = json!({"$defs": {"N": {"properties": {"next": {"$ref": "#/$defs/N"}}}},
        "$ref": "#/$defs/N"});
    let unproven = [
        (
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}),
            "refers to itself",
        ),
        (
            json!({"$ref": "https://example.com/schema"}),
            "reference is not supported",
        ),
        (json!({"$dynamicRef": "#node"}), "dynamic"),
        (
            json!({"$schema": "http://json-schema.org/draft-04/schema#"}),
            "dialect",
        ),
        (
            json!({"properties": {"a": {"$id": "x", "$ref": "#/b"}}}),
            "dialect or a nested $id",
        ),
        (
            json!({"unevaluatedProperties": false}),
            "unevaluatedProperties",
        ),
        (json!({"unevaluatedItems": false}), "unevaluated elements"),
        (json!({"dependencies": {"a": ["b"]}}), "dependencies"),
        (json!({"type": "text"}), "type is invalid"),
        (json!({"minimum": "1"}), "not a number"),
        (json!({"required": "a"}), "value is invalid"),
    ];
    for (target, expected) in unproven {
        let rejections = rejections(&node, &target);
        let text = rejections
            .iter()
            .map(|rejection| format!("{:?}", rejection.reason));
        let text: String = text.collect();
        assert!(
            text.contains("Unproven") && text.contains(expected),
            "{target}: {text}"
        );
    }
    // A recursive schema is compared with itself, and with a wider one.
    let wider = json!({"$ref": "#/$defs/N", "$defs": {"N": {"properties": {
        "next": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]}}}}});
    assert_eq!(rejections(&node, &node), []);
    assert_eq!(rejections(&node, &wider), []);
    let narrower = json!({"$ref": "#/$defs/N", "$defs": {"N": {"minProperties": 1, "properties": {
        "next": {"$ref": "#/$defs/N"}}}}});
    assert!(
        matches!(rejections(&node, &narrower)[..], [ref one] if matches!(one.reason, Reason::Rejects(_)))
    );
}

/// A hostile schema costs a limited time.
#[test]
fn a_schema_that_grows_exponentially_is_given_up() {
    let mut definitions = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/L{}", level + 1)});
        definitions.insert(format!("L{level}"), json!({"anyOf": [
            {"properties": {"a": next}, "required": ["a"]}, {"properties": {"b": next}, "required": ["b"]}]}));
    }
    definitions.insert("L40".to_owned(), json!({"type": "string"}));
    let old = json!({"$ref": "#/$defs/L0", "$defs": definitions});
    let mut new = old.clone();
    new["$defs"]["L40"] = json!({"type": "string", "maxLength": 3});
    let started = std::time::Instant::now();
    assert!(!rejections(&old, &new).is_empty());
    let elapsed = started.elapsed();
    assert!(elapsed.as_secs() < 20, "{elapsed:?}");
}
