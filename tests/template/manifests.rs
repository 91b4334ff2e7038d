//! Checks that several manifests agree with each other.

use std::{collections::BTreeSet, fs, path::Path};

fn manifest(path: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The manifests of the crates that are vendored into projects.
const VENDORED: [&str; 2] = [
    "crates/mcpo-runtime/Cargo.toml",
    "crates/mcpo-runtime/oauth/Cargo.toml",
];

/// The runtime is vendored into projects outside this workspace, so it cannot inherit from it.
#[test]
fn the_runtime_has_the_lints_of_the_workspace() {
    let workspace = manifest("Cargo.toml");
    for path in VENDORED {
        assert_eq!(manifest(path)["lints"], workspace["workspace"]["lints"]);
    }
}

#[test]
fn the_manifests_of_the_runtime_inherit_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for path in VENDORED {
        let text = fs::read_to_string(root.join(path)).unwrap();
        assert!(!text.contains("workspace = true"), "{path}");
    }
}

#[test]
fn all_crates_are_released_together() {
    let shared = &manifest("Cargo.toml")["workspace"]["package"];
    for path in VENDORED {
        let runtime = &manifest(path)["package"];
        for key in ["version", "edition", "rust-version", "license"] {
            assert_eq!(runtime[key], shared[key], "{path}: {key}");
        }
    }
    let oauth = &manifest(VENDORED[0])["dependencies"]["mcpo-runtime-oauth"];
    let only = format!("={}", shared["version"].as_str().unwrap());
    assert_eq!(oauth["version"].as_str(), Some(&*only));
}

/// Cargo would compile a crate twice for two versions.
#[test]
fn the_crates_of_the_runtime_require_the_same_versions() {
    let [runtime, oauth] = VENDORED.map(manifest);
    let version =
        |dependency: &toml::Value| dependency.get("version").unwrap_or(dependency).clone();
    let of_oauth = oauth["dependencies"].as_table().unwrap();
    let mut shared = 0;
    for (name, dependency) in runtime["dependencies"].as_table().unwrap() {
        if let Some(other) = of_oauth.get(name) {
            assert_eq!(version(dependency), version(other), "{name}");
            shared += 1;
        }
    }
    assert!(shared > 5, "{shared}");
}

/// Returns a template's manifest as it is in a project.
fn template(name: &str) -> toml::Table {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
    let text = fs::read_to_string(folder.join(name).join("Cargo.toml.liquid")).unwrap();
    let text = text
        .replace("{{project_name}}", "x")
        .replace("{{runtime_dependency}}", "\"0\"");
    text.parse().unwrap()
}

const TEMPLATES: [&str; 4] = ["github", "oidc", "polymarket", "server"];

/// The project and the runtime must use the same rmcp.
#[test]
fn the_templates_require_the_rmcp_and_rust_versions_of_the_runtime() {
    let runtime = manifest("crates/mcpo-runtime/Cargo.toml");
    for name in TEMPLATES {
        let template = template(name);
        assert_eq!(
            template["dependencies"]["rmcp"]["version"],
            runtime["dependencies"]["rmcp"]["version"]
        );
        assert_eq!(
            template["package"]["rust-version"],
            runtime["package"]["rust-version"]
        );
    }
}

/// Build settings that are right for one template are right for all.
#[test]
fn the_manifests_of_the_templates_differ_only_in_their_dependencies() {
    let server = template("server");
    for name in TEMPLATES {
        let template = template(name);
        for part in ["package", "features", "lints", "workspace", "profile"] {
            let package = template[part].as_table().unwrap().clone();
            let mut expected = server[part].as_table().unwrap().clone();
            if part == "package" {
                let metadata = package["metadata"].clone();
                let mcpo = metadata["mcpo"].as_table().unwrap();
                assert_eq!(mcpo["default-features"], toml::Value::Boolean(false));
                expected.insert("metadata".into(), metadata);
            }
            assert_eq!(package, expected, "{part} of {name}");
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
        for same in [
            ".github/workflows/check.yml",
            ".gitignore",
            "AGENTS.md",
            "CLAUDE.md",
            "cargo-generate.toml",
            "project_name.rhai",
        ] {
            let read = |name: &str| fs::read_to_string(folder.join(name).join(same)).unwrap();
            assert_eq!(read(name), read("server"), "{same} of {name}");
        }
    }
}

/// Returns the packages of a lock file: name, version, and checksum if they have one.
fn packages(path: &str) -> BTreeSet<[Option<String>; 3]> {
    let lock = manifest(path);
    let packages = lock["package"].as_array().unwrap().iter();
    let field = |package: &toml::Value, name: &str| {
        let value = package.get(name);
        value.map(|value| value.as_str().unwrap().to_owned())
    };
    packages
        .map(|package| ["name", "version", "checksum"].map(|name| field(package, name)))
        .collect()
}

/// A project starts with the versions that this workspace is tested with.
#[test]
fn the_lock_files_of_the_templates_pin_the_versions_of_this_workspace() {
    let workspace = packages("Cargo.lock");
    for name in TEMPLATES {
        let mut template = packages(&format!("templates/{name}/Cargo.lock.liquid"));
        template.retain(|package| package[0].as_deref() != Some("{{project_name}}"));
        let others: Vec<_> = template.difference(&workspace).collect();
        assert!(
            others.is_empty(),
            "{name}: {others:?}; run scripts/lock-templates"
        );
    }
}

fn files_below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Neither crate is published yet. If someone else registered their names, these instructions would
/// run that person's code.
#[test]
fn no_instruction_installs_a_crate_by_its_name_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = vec![
        root.join("README.md"),
        root.join("crates/mcpo-runtime/README.md"),
        root.join("crates/mcpo-runtime/oauth/README.md"),
    ];
    files_below(&root.join("docs"), &mut files);
    files_below(&root.join("packaging"), &mut files);
    files_below(&root.join("templates"), &mut files);
    for file in files {
        // Images are not valid UTF-8.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        for line in text.lines().filter(|line| line.contains("mcpo")) {
            let installs = ["cargo install", "cargo binstall", "cargo add"]
                .iter()
                .any(|command| line.contains(command));
            let is_placed = line.contains("--git ") || line.contains("--path ");
            assert!(!installs || is_placed, "{}: {line}", file.display());
            let depends = line.contains("mcpo-runtime") && line.contains("version =");
            assert!(!depends, "{}: {line}", file.display());
        }
    }
    for template in TEMPLATES {
        let settings = manifest(&format!("templates/{template}/cargo-generate.toml"));
        let asked = &settings["placeholders"]["runtime_dependency"];
        assert!(asked.get("default").is_none(), "{template}: {asked}");
    }
}
