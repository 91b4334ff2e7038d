//! Checks the table of requirements in `tests/README.md` against the test names.

use std::{collections::BTreeSet, fs, path::Path};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Returns the ids, such as `AS17`, that start the rows of the table.
fn required() -> BTreeSet<String> {
    let table = fs::read_to_string(format!("{ROOT}/tests/README.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let ids = rows.filter_map(|row| row.split_whitespace().next());
    ids.filter(|id| is_id(id)).map(str::to_lowercase).collect()
}

fn is_id(text: &str) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = &text[..text.len() - digits.len()];
    matches!(letters, "AS" | "RS" | "UP" | "C")
        && !digits.is_empty()
        && digits.chars().all(|c| c.is_ascii_digit())
}

/// Collects the words in the names of all tests below `folder`.
fn words_of_tests(folder: &Path, words: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                words_of_tests(&path, words);
            }
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut after_attribute = false;
        for line in text.lines().map(str::trim) {
            let name = line
                .strip_prefix("async fn ")
                .or_else(|| line.strip_prefix("fn "));
            if let (true, Some(name)) = (after_attribute, name) {
                let name = name.split('(').next().unwrap_or_default();
                words.extend(name.split('_').map(str::to_owned));
            }
            after_attribute = line.contains("test]") || (after_attribute && line.starts_with("#["));
        }
    }
}

#[test]
fn every_requirement_has_a_test_that_names_it() {
    let required = required();
    assert!(required.len() >= 31, "{required:?}");
    let mut words = BTreeSet::new();
    for folder in [
        "tests",
        "crates/mcpo-runtime/src",
        "crates/mcpo-runtime/oauth/src",
        "crates/mcpo/src",
    ] {
        words_of_tests(&Path::new(ROOT).join(folder), &mut words);
    }
    let missing: Vec<_> = required.difference(&words).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}
