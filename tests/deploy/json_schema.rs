//! Checks the JSON output of all tests against the published schemas in `docs/schemas`.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::project::RunResult;

/// Checks the output of `mcpo deploy` with these arguments, if it is JSON. Members that the schema
/// does not declare are errors here, although the published schemas allow them.
#[track_caller]
pub fn check(arguments: &[&str], result: &RunResult) {
    // Without an exit code, the test has killed mcpo. `--json` has no effect if the arguments cannot
    // be read.
    let may_be_silent = result.code.is_none() || result.stderr.contains("Usage: mcpo");
    if !arguments.contains(&"--json") || (may_be_silent && result.stdout.is_empty()) {
        return;
    }
    let stdout = &result.stdout;
    if arguments.contains(&"--logs") {
        for line in stdout.lines() {
            assert_valid("log-entry", &serde_json::from_str(line).unwrap());
        }
        return;
    }
    let document: Value = serde_json::from_str(stdout).unwrap();
    let by_flag = [
        ("--image-file", "image-file"),
        ("--export", "export"),
        ("--status", "status"),
        ("--show-password", "password"),
        ("--dry-run", "dry-run"),
        ("--delete", "delete"),
        ("--promote", "traffic"),
        ("--rollback", "traffic"),
        ("--preview", "preview"),
    ];
    let mut flags = by_flag.iter();
    let found = flags.find(|(flag, _)| arguments.contains(flag));
    let name = match (document["outcome"].as_str(), found) {
        (Some("failed"), _) => "failure",
        (_, Some((_, name))) => name,
        (_, None) => "release",
    };
    assert_valid(name, &document);
}

#[track_caller]
fn assert_valid(name: &str, document: &Value) {
    let mut schema = read(name);
    if name != "log-entry" {
        forbid_undeclared_members(&mut schema);
    }
    let validator = jsonschema::options().offline().build(&schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "deploy-{name}.json: {errors:#?}");
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas")
}

fn read(name: &str) -> Value {
    let text = fs::read(folder().join(format!("deploy-{name}.json")));
    serde_json::from_slice(&text.unwrap()).unwrap()
}

/// Makes every object of the schema accept only the members that it declares.
fn forbid_undeclared_members(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(forbid_undeclared_members);
            let is_object = fields.get("type").is_some_and(|kind| kind == "object");
            if is_object && fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_undeclared_members),
        _ => {}
    }
}

#[test]
fn every_published_schema_is_valid_and_documented() {
    let manual = fs::read_to_string(folder().join("../json-output.md")).unwrap();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let short = name.strip_prefix("deploy-").unwrap();
        let schema = read(short.strip_suffix(".json").unwrap());
        jsonschema::meta::validate(&schema).unwrap();
        assert!(jsonschema::options().offline().build(&schema).is_ok());
        let link = format!("(schemas/{name})");
        assert!(manual.contains(&link), "docs/json-output.md has no {link}");
    }
}
