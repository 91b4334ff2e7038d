//! `mcpo new` renders its built-in templates with minijinja and other templates with
//! cargo-generate. Both engines support variables in double braces whose names are identifiers. The
//! templates use nothing else, so both engines produce the same files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The variable that cargo-generate sets by itself, in the spelling that both engines accept.
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

/// Returns the texts between `{{` and `}}`.
fn variables(text: &str) -> Vec<&str> {
    let parts = text.split("{{").skip(1);
    parts
        .map(|part| part.split_once("}}").expect("braces that close").0)
        .collect()
}

#[test]
fn templates_use_only_variables_that_cargo_generate_supports() {
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

/// Returns the variables that cargo-generate asks for or that the template's hooks set.
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

/// Creates a project from a template and returns its files with their contents, without the secret.
fn made(folder: &Path, name: &str, template: &str) -> Vec<(PathBuf, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["new", "my-service", "--path", name, "--no-git"])
        .args([
            "--template",
            template,
            "--runtime",
            "https://example.com/mcpo.git",
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let project = folder.join(name);
    let files = files(&project).into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("MCPO_SECRET="));
        let lines = lines.collect::<Vec<_>>().join("\n");
        (path.strip_prefix(&project).unwrap().to_owned(), lines)
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

#[test]
fn both_template_engines_render_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    for template in templates() {
        let name = template.file_name().unwrap().to_str().unwrap();
        let ours = made(folder.path(), &format!("ours-{name}"), name);
        let path = template.to_str().unwrap();
        let theirs = made(folder.path(), &format!("theirs-{name}"), path);
        assert_eq!(ours, theirs, "{name}");
    }
}
