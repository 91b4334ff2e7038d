//! Tests of the documentation: generated pages, commands, code and links.
//!
//! Two pages are generated: the reference of all flags, and the configuration reference. To write
//! them again, run `MCPO_WRITE_DOCS=1 cargo test -p mcpo --bin mcpo docs::`.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::format_push_string,
    reason = "these tests read files of this repository"
)]

mod code;
mod commands;
mod configuration;
mod links;
mod markdown;
mod reference;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Returns the root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the Markdown files below a folder, as paths from the root of the repository.
fn pages_below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(pages_below(&name));
        } else if Path::new(&name).extension().is_some_and(|end| end == "md") {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// Returns the pages of the site. The pages about the architecture are for contributors, and refer
/// to files of the repository.
fn site() -> Vec<String> {
    let mut pages = pages_below("docs");
    pages.retain(|page| !page.starts_with("docs/architecture/") && page != "docs/SUMMARY.md");
    pages
}

/// Fails if a generated page differs from `text`, or writes it if `MCPO_WRITE_DOCS` is set.
fn assert_generated(page: &str, text: &str) {
    if env::var_os("MCPO_WRITE_DOCS").is_some() {
        fs::write(root().join(page), text).unwrap();
        return;
    }
    let current = fs::read_to_string(root().join(page)).unwrap_or_default();
    assert!(
        current == text,
        "{page} is out of date; run: MCPO_WRITE_DOCS=1 cargo test -p mcpo --bin mcpo docs::"
    );
}
