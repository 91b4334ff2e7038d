//! The packages that cargo compiled for an executable.

use std::{collections::BTreeMap, path::PathBuf};

use cargo_metadata::Artifact;

/// One package of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledPackage {
    /// Cargo's package id:
    /// <https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>.
    pub id: String,
    pub manifest: PathBuf,
    /// Whether the package was compiled for the target, so that the executable may contain its code.
    /// Otherwise it only ran during the build: a procedural macro, a build script, or a package that
    /// one of them uses.
    pub is_linked: bool,
}

/// All packages of a build, collected from cargo's messages.
#[derive(Debug, Default)]
pub struct CompiledPackages(BTreeMap<String, CompiledPackage>);

impl CompiledPackages {
    /// Adds the package of a compiled unit. With an explicit target, cargo puts the results for the
    /// target into a folder with its name, and those for this machine elsewhere.
    pub fn add(&mut self, artifact: &Artifact, triple: &str) {
        let mut files = artifact.filenames.iter();
        let is_for_target = files.any(|file| {
            let mut folders = file.components().map(|folder| folder.as_str());
            folders.any(|folder| folder == triple)
        });
        let id = &artifact.package_id.repr;
        let package = self.0.entry(id.clone()).or_insert_with(|| CompiledPackage {
            id: id.clone(),
            manifest: artifact.manifest_path.clone().into(),
            is_linked: false,
        });
        package.is_linked |= is_for_target;
    }

    /// Returns the packages in the order of their ids.
    pub fn into_list(self) -> Vec<CompiledPackage> {
        self.0.into_values().collect()
    }
}
