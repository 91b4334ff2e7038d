//! Lets cargo see a change that it would overlook.
//!
//! Cargo takes a file for unchanged that was written before it last compiled. But a file may come with
//! an old time (`mv backup.rs main.rs`, `cp --preserve`, a shared folder whose server has a clock of its
//! own), and a wall clock may have been set back. We know that the file has changed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::Deserialize;

use super::{change::Change, inputs::Inputs};
use crate::package::Package;

/// Where cargo remembers what it has compiled, below the build folder.
const MEMORY: &str = "debug/.fingerprint";

#[derive(Deserialize)]
struct Manifest {
    package: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// The time by the clock that files in `folder` are dated by, which may be another machine's.
pub fn time_of_files(folder: &Path) -> SystemTime {
    let dated = || -> io::Result<SystemTime> {
        let file = tempfile::tempfile_in(folder)?;
        file.metadata()?.modified()
    };
    dated().unwrap_or_else(|_| SystemTime::now())
}

/// Makes cargo forget what it compiled of the packages whose files look older than their last build.
pub fn forget_what_looks_old(package: &Package, change: &Change, inputs: &Inputs) {
    for file in &change.files {
        let file = package.folder.join(file);
        let written = fs::metadata(&file).and_then(|file| file.modified());
        if written.is_ok_and(|written| written <= inputs.built) {
            // Whichever reads it: the one that it lies in, or ours, which may include any file.
            forget(&package.build, &package.name);
            if let Some(name) = name_around(&file) {
                forget(&package.build, &name);
            }
        }
    }
}

/// The name of the package that the file belongs to.
fn name_around(file: &Path) -> Option<String> {
    let manifests = file
        .ancestors()
        .skip(1)
        .map(|above| above.join("Cargo.toml"));
    let mut texts = manifests.filter_map(|manifest| fs::read_to_string(manifest).ok());
    let manifest: Option<Manifest> = texts.find_map(|text| toml::from_str(&text).ok());
    Some(manifest?.package.name)
}

/// Makes cargo forget what it compiled of a package.
pub fn forget(target: &Path, name: &str) {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    };
    // A project whose settings name a target builds in a folder of that name.
    let mut memories = entries(target);
    memories.push(target.to_owned());
    let units = memories
        .iter()
        .flat_map(|folder| entries(&folder.join(MEMORY)));
    for unit in units {
        let of_it = unit.file_name().and_then(|unit| unit.to_str());
        let hash = of_it.and_then(|unit| unit.strip_prefix(name)?.strip_prefix('-'));
        if hash.is_some_and(|hash| hash.len() == 16 && !hash.contains('-')) {
            // What it does not remember, it compiles.
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
        let memory = target.path().join(MEMORY);
        let kept = ["tiny-more-0123456789abcdef", "other-0123456789abcdef"];
        for unit in kept.into_iter().chain(["tiny-0123456789abcdef"]) {
            fs::create_dir_all(memory.join(unit)).unwrap();
        }
        let of_target = target.path().join("some-triple").join(MEMORY);
        let of_target = of_target.join("tiny-0123456789abcdef");
        fs::create_dir_all(&of_target).unwrap();
        forget(target.path(), "tiny");
        assert!(!of_target.exists());
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
        fs::write(manifest, "[package]\nname = \"beside\"\n").unwrap();
        let file = folder.path().join("src/words/a.rs");
        assert_eq!(name_around(&file).as_deref(), Some("beside"));
    }
}
