//! `mcpo new` renders with minijinja, cargo-generate with Liquid. What both take for the same is a
//! variable in double braces, spelled as an identifier; the templates use nothing else.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What cargo-generate sets by itself, in the spelling both engines read.
const BUILT_IN: &str = "crate_name";

fn templates() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// What stands between `{{` and `}}`.
fn variables(text: &str) -> Vec<&str> {
    let parts = text.split("{{").skip(1);
    parts
        .map(|part| part.split_once("}}").expect("braces that close").0)
        .collect()
}

#[test]
fn only_plain_variables_that_cargo_generate_knows_too() {
    for template in templates() {
        let known = known_to_cargo_generate(&template);
        for file in files(&template) {
            let text = fs::read_to_string(&file).unwrap();
            let shown = file.display();
            for sign in ["{%", "{#", "%}", "#}"] {
                assert!(!text.contains(sign), "{sign} in {shown}");
            }
            for variable in variables(&text) {
                assert!(known.contains(variable.trim()), "{variable:?} in {shown}");
            }
        }
    }
}

/// The variables that cargo-generate asks for or that the template's hooks set.
fn known_to_cargo_generate(template: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(template.join("cargo-generate.toml")).unwrap();
    let settings: toml::Table = text.parse().unwrap();
    let asked = settings["placeholders"].as_table().unwrap().keys().cloned();
    let mut known: BTreeSet<_> = asked.chain([BUILT_IN.to_owned()]).collect();
    for hook in settings["hooks"]["pre"].as_array().unwrap() {
        let hook = fs::read_to_string(template.join(hook.as_str().unwrap())).unwrap();
        let set = hook.split("variable::set(\"").skip(1);
        known.extend(set.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    known
}
