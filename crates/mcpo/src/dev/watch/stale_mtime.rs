//! Makes cargo notice changes that it would miss.
//!
//! Cargo treats a file as unchanged if its time is older than the last compilation. But a changed
//! file may have an old time (`mv backup.rs main.rs`, `cp --preserve`, a shared folder whose server
//! has its own clock), and the wall clock may have been set back. The watcher has seen the change,
//! so mcpo deletes cargo's record of the package.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use mcpo_common::package::Package;
use serde::Deserialize;

use crate::dev::messages::{change::Change, inputs::Inputs};

/// The folder of cargo's fingerprints, below the folder of a profile.
const FINGERPRINTS: &str = ".fingerprint";

#[derive(Deserialize)]
struct Manifest {
    package: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Returns the current time of the clock that dates the files in `folder`, which may be the clock
/// of another machine.
pub fn time_of_files(folder: &Path) -> SystemTime {
    let dated = || -> io::Result<SystemTime> {
        let file = tempfile::tempfile_in(folder)?;
        file.metadata()?.modified()
    };
    dated().unwrap_or_else(|_| SystemTime::now())
}

/// Deletes cargo's fingerprints of the packages with changed files that look older than the last
/// build.
pub fn forget_what_looks_old(package: &Package, change: &Change, inputs: &Inputs) {
    for file in &change.files {
        let file = package.folder.join(file);
        let written = fs::metadata(&file).and_then(|file| file.modified());
        if written.is_ok_and(|written| written <= inputs.built) {
            // The file may be read by the package that contains it, or by the project's own
            // package, which can include any file.
            let folders = package.artifact_folders(&package.build);
            forget(&folders, &package.name);
            if let Some(name) = name_around(&file) {
                forget(&folders, &name);
            }
        }
    }
}

/// Returns the name of the package that the file belongs to.
fn name_around(file: &Path) -> Option<String> {
    let manifests = file
        .ancestors()
        .skip(1)
        .map(|above| above.join("Cargo.toml"));
    let mut texts = manifests.filter_map(|manifest| fs::read_to_string(manifest).ok());
    let manifest: Option<Manifest> = texts.find_map(|text| toml::from_str(&text).ok());
    Some(manifest?.package.name)
}

/// Deletes cargo's fingerprints of the package `name` in these folders of a profile.
pub fn forget(folders: &BTreeSet<PathBuf>, name: &str) {
    let units = folders
        .iter()
        .flat_map(|folder| {
            fs::read_dir(folder.join(FINGERPRINTS))
                .into_iter()
                .flatten()
        })
        .flatten()
        .map(|entry| entry.path());
    for unit in units {
        let of_it = unit.file_name().and_then(|unit| unit.to_str());
        let hash = of_it.and_then(|unit| unit.strip_prefix(name)?.strip_prefix('-'));
        if hash.is_some_and(|hash| hash.len() == 16 && !hash.contains('-')) {
            // Cargo compiles everything that has no fingerprint.
            let _ = fs::remove_dir_all(unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_units_of_one_package() {
        let target = tempfile::tempdir().unwrap();
        let host = target.path().join("debug");
        let platform = target.path().join("some-triple/debug");
        let memory = host.join(FINGERPRINTS);
        let kept = ["tiny-more-0123456789abcdef", "other-0123456789abcdef"];
        for unit in kept.into_iter().chain(["tiny-0123456789abcdef"]) {
            fs::create_dir_all(memory.join(unit)).unwrap();
        }
        let of_platform = platform.join(FINGERPRINTS).join("tiny-0123456789abcdef");
        fs::create_dir_all(&of_platform).unwrap();
        forget(&BTreeSet::from([host, platform]), "tiny");
        assert!(!of_platform.exists());
        let mut left: Vec<_> = fs::read_dir(&memory)
            .unwrap()
            .map(|unit| unit.unwrap().file_name())
            .collect();
        left.sort();
        let mut expected = kept.map(std::ffi::OsString::from);
        expected.sort();
        assert_eq!(left, expected);
    }

    #[test]
    fn finds_the_package_around_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("Cargo.toml");
        fs::write(manifest, "[package]\nname = \"sibling\"\n").unwrap();
        let file = folder.path().join("src/words/a.rs");
        assert_eq!(name_around(&file).as_deref(), Some("sibling"));
    }
}
