//! What the build script packed into the binary.

use std::path::{Path, PathBuf};

use crate::error::{Failure, Outcome};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Files of a template that only cargo-generate reads.
const FOR_CARGO_GENERATE: &[&str] = &["cargo-generate.toml", "project_name.rhai"];

/// One of the built-in templates.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    name: &'static str,
}

/// A file of a template as the project is to have it, not yet rendered.
#[derive(Clone, Copy, Debug)]
pub struct TemplateFile {
    /// Where the template keeps it, for error messages.
    pub source: &'static str,
    /// Where the project keeps it.
    pub path: &'static Path,
    pub text: &'static [u8],
}

impl Template {
    /// The template of that name, or an error that lists those there are.
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
            // A nested `Cargo.toml` would make cargo leave the folder out of the package.
            let path = path.strip_suffix(".liquid").unwrap_or(path);
            (!FOR_CARGO_GENERATE.contains(&path)).then_some(TemplateFile {
                source,
                path: Path::new(path),
                text,
            })
        })
    }
}

fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = TEMPLATES
        .iter()
        .filter_map(|(path, _)| path.split_once('/'))
        .map(|(name, _)| name)
        .collect();
    names.dedup();
    names
}

/// The runtime crate's files, none if this binary was built without them.
pub fn runtime_files() -> impl Iterator<Item = (PathBuf, &'static [u8])> {
    RUNTIME.iter().map(|(path, bytes)| (path.into(), *bytes))
}

pub const fn has_runtime() -> bool {
    !RUNTIME.is_empty()
}
