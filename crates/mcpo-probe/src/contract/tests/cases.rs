//! Changes that need more than one keyword to judge, each with its classes.

use serde_json::{Value, json};

use super::{check_values, class, instances::Instances};
use crate::contract::schema_changes::input_changes;

const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";

/// An old schema, a new one, and the class of the change for arguments.
type Case = (Value, Value, &'static str);

/// Checks the classes. If a change is called safe, random values are checked too.
fn check(cases: &[Case]) {
    let mut random = Instances::new(3);
    let mut wrong = Vec::new();
    for (old, new, expected) in cases {
        let changes = input_changes(old, new);
        if class(&changes) != *expected {
            wrong.push(format!("expected {expected}: {old} {new} {changes:?}"));
        }
        if ["safe", "visible"].contains(expected) {
            check_values(&mut random, old, new, 100);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns `schema` with another property.
fn with_property(schema: &Value, name: &str, property: Value) -> Value {
    let mut schema = schema.clone();
    schema["properties"][name] = property;
    schema
}

#[test]
fn a_new_argument_is_safe_only_if_the_old_schema_says_nothing_about_it() {
    let limit = |old: Value, expected| {
        let new = with_property(&old, "limit", json!({"type": "integer"}));
        (old, new, expected)
    };
    let texts = json!({"additionalProperties": {"type": "string"}});
    let mut deep = texts.clone();
    for _ in 0..40 {
        deep = json!({"allOf": [deep]});
    }
    check(&[
        limit(json!({"type": "object"}), "safe"),
        limit(
            json!({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
            "safe",
        ),
        limit(
            json!({"anyOf": [{"required": ["a"]}, {"required": ["limit"]}]}),
            "breaking",
        ),
        limit(
            json!({"type": "object", "anyOf": [texts, {"required": ["q"]}]}),
            "breaking",
        ),
        limit(
            json!({"type": "object", "oneOf": [texts, {"required": ["q"]}]}),
            "breaking",
        ),
        limit(
            json!({"anyOf": [{"allOf": [{"$ref": "#/$defs/T"}]}, {"required": ["q"]}],
            "$defs": {"T": texts}}),
            "breaking",
        ),
        limit(
            json!({"anyOf": [{"patternProperties": {"^l": true}}, {"required": ["q"]}]}),
            "breaking",
        ),
        limit(
            json!({"anyOf": [{"anyOf": [texts, {"minProperties": 1}]}, {"required": ["q"]}]}),
            "breaking",
        ),
        limit(
            json!({"if": {"required": ["q"]}, "then": texts}),
            "breaking",
        ),
        limit(
            json!({"if": {"required": ["q"]}, "then": {"required": ["r"]}}),
            "safe",
        ),
        limit(json!({"not": texts}), "breaking"),
        limit(json!({"dependentSchemas": {"q": texts}}), "breaking"),
        limit(
            json!({"dependentSchemas": {"q": {"properties": {"limit": {"type": "string"}}}}}),
            "breaking",
        ),
        limit(json!({"dependentRequired": {"q": ["limit"]}}), "breaking"),
        limit(
            json!({"$schema": DRAFT_7, "dependencies": {"q": texts}}),
            "breaking",
        ),
        limit(
            json!({"$schema": DRAFT_7, "dependencies": {"q": {"required": ["limit"]}}}),
            "breaking",
        ),
        limit(
            json!({"$schema": DRAFT_7, "dependencies": {"q": ["limit"]}}),
            "breaking",
        ),
        limit(
            json!({"$schema": DRAFT_7, "dependencies": {"q": ["r"]}}),
            "safe",
        ),
        limit(deep, "breaking"),
    ]);
}

#[test]
fn a_schema_in_an_unknown_keyword_counts_if_a_reference_leads_to_it() {
    let components = |schema: Value| json!({"$ref": "#/components/schemas/A", "components": {"schemas": {"A": schema}}});
    let number = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let text = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let default = |value: Value| json!({"properties": {"a": {"default": value}, "b": {"$ref": "#/properties/a/default"}}});
    check(&[
        (
            components(number.clone()),
            components(text.clone()),
            "breaking",
        ),
        (
            components(number.clone()),
            components(json!({"type": "object"})),
            "breaking",
        ),
        (
            components(number.clone()),
            components(json!({"type": "object", "title": "A",
            "properties": {"a": {"type": "integer"}}})),
            "visible",
        ),
        (
            default(json!({"maximum": 9})),
            default(json!({"maximum": 8})),
            "breaking",
        ),
        (
            json!({"components": number}),
            json!({"components": text}),
            "visible",
        ),
        // Without the reference, nothing would be wrong.
        (
            json!({"properties": {"x": {"$ref": "#/x-types/T"}}, "x-types": {"T": {"type": "string"}}}),
            json!({"properties": {"x": {"$ref": "#/x-types/T"}}, "x-types": {"T": {"type": "null"}}}),
            "breaking",
        ),
    ]);
}

#[test]
fn a_dynamic_reference_is_never_resolved_without_its_document() {
    let new = json!({"$dynamicAnchor": "n", "type": "object",
        "properties": {"a": {"$dynamicRef": "#n"}}, "$defs": {"N": {"$dynamicAnchor": "n"}}});
    check(&[(
        json!({"type": "object", "properties": {"a": {"const": 1}}}),
        new,
        "unproven",
    )]);
}

#[test]
fn numbers_are_compared_exactly() {
    let above = |limit: Value| json!({"type": "integer", "exclusiveMinimum": limit});
    let contains = |name: &str, limit: Value| {
        let mut schema = json!({"type": "array", "contains": {"type": "integer"}});
        schema[name] = limit;
        schema
    };
    let nothing = contains("minContains", json!(1.0));
    check(&[
        (
            above(json!(0.999_999_999_999_999_9)),
            json!({"type": "integer", "minimum": 2}),
            "breaking",
        ),
        (
            above(json!(0.999_999_999_999_999_9)),
            json!({"type": "integer", "minimum": 1}),
            "safe",
        ),
        (
            above(json!(1.0)),
            json!({"type": "integer", "minimum": 2}),
            "safe",
        ),
        (
            nothing.clone(),
            contains("minContains", json!(2.0)),
            "unproven",
        ),
        (nothing, contains("maxContains", json!(2.0)), "unproven"),
        (
            contains("maxContains", json!(2.0)),
            contains("maxContains", json!(3)),
            "safe",
        ),
        (
            json!({"type": "string", "maxLength": 5}),
            json!({"type": "string", "maxLength": 4.0}),
            "breaking",
        ),
        (
            json!({"type": "array", "minItems": 2.0}),
            json!({"type": "array", "minItems": 2}),
            "safe",
        ),
        (
            json!({"type": "object", "minProperties": 1}),
            json!({"type": "object", "minProperties": 2.0}),
            "breaking",
        ),
    ]);
}

#[test]
fn a_lost_member_is_found_at_each_level() {
    let object = |members: &[&str]| {
        let members = members
            .iter()
            .map(|name| ((*name).to_owned(), json!({"type": "string"})));
        json!({"type": "object", "properties": members.collect::<serde_json::Map<_, _>>()})
    };
    let (one, both) = (object(&["a"]), object(&["a", "b"]));
    let inner = |schema: &Value| with_property(&object(&["b"]), "o", schema.clone());
    let definitions = |name: &str| {
        json!({"properties": {"o": {"$ref": format!("#/$defs/{name}")}},
        "$defs": {"Both": both, "One": one}})
    };
    let items = |schema: &Value| json!({"properties": {"o": {"items": {"anyOf": [schema, {"type": "null"}]}}}});
    let open = |schema: &Value| json!({"additionalProperties": {"allOf": [schema]}});
    check(&[
        (inner(&both), inner(&one), "breaking"),
        (definitions("Both"), definitions("One"), "breaking"),
        (items(&both), items(&one), "breaking"),
        (open(&both), open(&one), "breaking"),
        (
            json!({"anyOf": [one, both]}),
            json!({"anyOf": [one]}),
            "breaking",
        ),
        // The member only moves.
        (
            both.clone(),
            json!({"allOf": [one, object(&["b"])]}),
            "safe",
        ),
        (
            inner(&both),
            inner(&json!({"$ref": "#/$defs/Both"}))
                .as_object()
                .map(|schema| {
                    let mut schema = Value::Object(schema.clone());
                    schema["$defs"] = json!({"Both": both});
                    schema
                })
                .unwrap(),
            "safe",
        ),
    ]);
}

#[test]
fn dialects_have_different_keywords() {
    let dialect = |schema: Value, uri: &str| {
        let mut schema = schema;
        schema["$schema"] = json!(uri);
        schema
    };
    let text = json!({"type": "string"});
    let encoded = json!({"type": "string", "contentEncoding": "base64"});
    let uuid = json!({"type": "string", "format": "uuid"});
    let latest = "https://json-schema.org/draft/2020-12/schema";
    check(&[
        (
            dialect(text.clone(), DRAFT_7),
            dialect(encoded.clone(), DRAFT_7),
            "breaking",
        ),
        (
            dialect(encoded.clone(), DRAFT_7),
            dialect(text.clone(), DRAFT_7),
            "visible",
        ),
        (
            dialect(encoded.clone(), DRAFT_7),
            dialect(encoded.clone(), DRAFT_7),
            "safe",
        ),
        (
            dialect(text.clone(), latest),
            dialect(encoded, latest),
            "visible",
        ),
        (
            dialect(uuid.clone(), DRAFT_7),
            dialect(uuid.clone(), latest),
            "breaking",
        ),
        (
            dialect(text.clone(), DRAFT_7),
            dialect(text, latest),
            "safe",
        ),
        // Draft 7 does not know this keyword.
        (
            dialect(json!({"dependentRequired": {"a": ["b"]}}), DRAFT_7),
            dialect(json!({"dependentRequired": {"a": ["b"]}}), latest),
            "breaking",
        ),
    ]);
}

/// A hostile schema costs little time and little stack.
#[test]
fn a_hostile_schema_is_given_up_in_time() {
    let level = |number: usize| format!("#/$defs/L{number}");
    let chain = |length: usize, next: &dyn Fn(&str) -> Value, last: Value| {
        let mut definitions = serde_json::Map::new();
        for number in 0..length {
            definitions.insert(format!("L{number}"), next(&level(number + 1)));
        }
        definitions.insert(format!("L{length}"), last);
        json!({"$ref": level(0), "$defs": definitions})
    };
    let references = |last: Value| chain(2_000, &|next| json!({"$ref": next}), last);
    let pairs = |last: Value| {
        chain(
            60,
            &|next| json!({"anyOf": [{"$ref": next}, {"$ref": next}]}),
            last,
        )
    };
    let lists = |last: Value| {
        let list = json!({"anyOf": [{"required": ["a"]}, {"required": ["b"]}, last]});
        json!({"type": "object", "allOf": vec![list; 1_000]})
    };
    let members = |last: Value| {
        let members = (0..6_000).map(|number| (format!("m{number}"), last.clone()));
        let names: Vec<_> = (0..6_000).map(|number| format!("m{number}")).collect();
        json!({"properties": members.collect::<serde_json::Map<_, _>>(), "required": names})
    };
    let patterns = |last: Value| {
        let patterns = (0..300).map(|number| (format!("^(a|b)*{number}$"), last.clone()));
        let patterns: serde_json::Map<_, _> = patterns.collect();
        json!({"properties": members(json!({"type": "string"}))["properties"], "patternProperties": patterns})
    };
    let values = |last: Value| {
        let values: Vec<_> = (0..10_000)
            .map(|number| json!(format!("v{number}")))
            .collect();
        json!({"properties": {"a": {"enum": values}, "b": last}})
    };
    let makers: [(&str, &dyn Fn(Value) -> Value); 6] = [
        ("references", &references),
        ("pairs", &pairs),
        ("lists", &lists),
        ("members", &members),
        ("patterns", &patterns),
        ("values", &values),
    ];
    for (name, schema) in makers {
        let started = std::time::Instant::now();
        let (old, new) = (schema(json!({"minimum": 1})), schema(json!({"minimum": 2})));
        assert_ne!(class(&input_changes(&old, &new)), "safe", "{name}");
        let elapsed = started.elapsed();
        assert!(elapsed.as_secs() < 60, "{name}: {elapsed:?}");
    }
}
