//! The templates and the runtime that the build script packed into the binary.

use std::path::{Path, PathBuf};

use mcpo_common::error::{Failure, Outcome};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Template files that only cargo-generate reads.
const FOR_CARGO_GENERATE: &[&str] = &["cargo-generate.toml", "project_name.rhai"];

/// One of the built-in templates.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    name: &'static str,
}

/// A file of a template that has not been rendered yet.
#[derive(Clone, Copy, Debug)]
pub struct TemplateFile {
    /// The path in the template, for error messages.
    pub source: &'static str,
    /// The path in the project.
    pub path: &'static Path,
    pub text: &'static [u8],
}

impl Template {
    /// Returns the template with this name. If there is none, the error lists all templates.
    pub fn find(unverified: &str) -> Outcome<Self> {
        names()
            .into_iter()
            .find(|name| *name == unverified)
            .map(|name| Self { name })
            .ok_or_else(|| {
                Failure::new(format!("there is no template `{unverified}`"))
                    .hint(format!("choose one of: {}", names().join(", ")))
            })
    }

    pub fn files(self) -> impl Iterator<Item = TemplateFile> {
        TEMPLATES.iter().filter_map(move |(source, text)| {
            let path = source.strip_prefix(self.name)?.strip_prefix('/')?;
            // Removed from the name, because cargo would not package a folder with a nested
            // `Cargo.toml`.
            let path = path.strip_suffix(".liquid").unwrap_or(path);
            (!FOR_CARGO_GENERATE.contains(&path)).then_some(TemplateFile {
                source,
                path: Path::new(path),
                text,
            })
        })
    }
}

/// Returns the names of the built-in templates.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = TEMPLATES
        .iter()
        .filter_map(|(path, _)| path.split_once('/'))
        .map(|(name, _)| name)
        .collect();
    names.dedup();
    names
}

/// Returns the files of the runtime crate.
pub fn runtime_files() -> impl Iterator<Item = (PathBuf, &'static [u8])> {
    RUNTIME.iter().map(|(path, bytes)| (path.into(), *bytes))
}
