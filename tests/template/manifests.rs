//! Manifests that have to say the same in several places.

use std::{fs, path::Path};

fn manifest(path: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The runtime is vendored into projects without our workspace, so it inherits nothing from it.
#[test]
fn the_runtime_has_the_workspaces_lints() {
    let workspace = manifest("Cargo.toml");
    let runtime = manifest("crates/mcpo-runtime/Cargo.toml");
    assert_eq!(runtime["lints"], workspace["workspace"]["lints"]);
}

#[test]
fn the_runtime_inherits_nothing() {
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../mcpo-runtime/Cargo.toml"),
    );
    assert!(!text.unwrap().contains("workspace = true"));
}

#[test]
fn both_crates_are_released_together() {
    let shared = &manifest("Cargo.toml")["workspace"]["package"];
    let runtime = &manifest("crates/mcpo-runtime/Cargo.toml")["package"];
    for key in ["version", "edition", "rust-version", "license"] {
        assert_eq!(runtime[key], shared[key], "{key}");
    }
}

/// What a project may use and what it gets have to be the same rmcp.
#[test]
fn the_template_asks_for_the_runtimes_rmcp_and_rust() {
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/server/Cargo.toml.liquid"),
    );
    let text = text
        .unwrap()
        .replace("{{project_name}}", "x")
        .replace("{{runtime_dependency}}", "\"0\"");
    let template: toml::Table = text.parse().unwrap();
    let runtime = manifest("crates/mcpo-runtime/Cargo.toml");
    assert_eq!(
        template["dependencies"]["rmcp"]["version"],
        runtime["dependencies"]["rmcp"]["version"]
    );
    assert_eq!(
        template["package"]["rust-version"],
        runtime["package"]["rust-version"]
    );
}
