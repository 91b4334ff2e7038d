//! The folder of compiled crates that a replay reads.
//!
//! Cargo's folder has two files for each library: one with its code, and one with its metadata only.
//! rustc opens both, although the first one contains the metadata too. This folder has hard links to
//! the files with code, which saves rustc about 5 ms.

use std::{
    collections::HashSet,
    env::consts::DLL_EXTENSION,
    ffi::OsStr,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use super::record::Record;

/// The prefix of a search path for crates, in the arguments of rustc.
const SEARCH_PATH: &str = "dependency=";

/// Returns the path of the folder.
fn path(folder: &Path) -> PathBuf {
    folder.join("crates")
}

/// Updates the links after a build by cargo. If that fails, for example because the file system has
/// no hard links, replays read cargo's folder.
pub fn update(record: &Record, folder: &Path) {
    let ours = path(folder);
    let theirs = record.values("--out-dir").next().map(Path::new);
    let updated = theirs.map_or(Ok(()), |theirs| link(theirs, &ours));
    if updated.is_err() {
        let _ = fs::remove_dir_all(ours);
    }
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut wanted = HashSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if !is_linked(&name) {
            continue;
        }
        let (link, file) = (to.join(&name), entry.metadata()?);
        if !fs::metadata(&link).is_ok_and(|link| are_one_file(&link, &file)) {
            let _ = fs::remove_file(&link);
            fs::hard_link(entry.path(), link)?;
        }
        wanted.insert(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !wanted.contains(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Returns true if rustc needs this file: a library or a procedural macro.
fn is_linked(name: &OsStr) -> bool {
    let kind = Path::new(name).extension();
    kind.is_some_and(|kind| kind == "rlib" || kind == DLL_EXTENSION)
}

/// Returns true if both are names of one file. rustc replaces a file by another one with its name.
#[cfg(unix)]
fn are_one_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// On other systems, nothing is replayed.
#[cfg(not(unix))]
fn are_one_file(_one: &Metadata, _other: &Metadata) -> bool {
    false
}

/// Makes rustc read the folder instead of cargo's one, if it exists.
pub fn select(arguments: &mut [String], record: &Record, folder: &Path) {
    let ours = path(folder);
    let Some(theirs) = record.values("--out-dir").next().map(Path::new) else {
        return;
    };
    if !ours.is_dir() {
        return;
    }
    for argument in arguments {
        if let Some(path) = argument.strip_prefix(SEARCH_PATH) {
            if Path::new(path) == theirs {
                *argument = format!("{SEARCH_PATH}{}", ours.display());
            }
        } else if let Some((name, file)) = argument.split_once('=')
            && let Ok(file) = Path::new(file).strip_prefix(theirs)
            && ours.join(file).is_file()
        {
            *argument = format!("{name}={}", ours.join(file).display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn record(deps: &Path) -> Record {
        let arguments = ["--out-dir", deps.to_str().unwrap()];
        Record {
            program: "rustc".into(),
            arguments: arguments.map(str::to_owned).into(),
            folder: "/p".into(),
            environment: BTreeMap::new(),
            source: None,
        }
    }

    #[test]
    fn the_folder_follows_the_libraries_of_cargo() {
        let folder = tempfile::tempdir().unwrap();
        let (deps, own) = (folder.path().join("deps"), folder.path().join("own"));
        fs::create_dir(&deps).unwrap();
        let macros = format!("macros-3.{DLL_EXTENSION}");
        for name in ["liba-1.rlib", "liba-1.rmeta", "app-2.d", &macros] {
            fs::write(deps.join(name), name).unwrap();
        }
        let record = record(&deps);
        let names = || {
            let entries = fs::read_dir(path(&own)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        update(&record, &own);
        assert_eq!(names(), ["liba-1.rlib", macros.as_str()]);

        fs::remove_file(deps.join(&macros)).unwrap();
        // rustc replaces a library by renaming.
        fs::write(deps.join("new"), "changed contents").unwrap();
        fs::rename(deps.join("new"), deps.join("liba-1.rlib")).unwrap();
        update(&record, &own);
        assert_eq!(names(), ["liba-1.rlib"]);
        let text = fs::read_to_string(path(&own).join("liba-1.rlib")).unwrap();
        assert_eq!(text, "changed contents");
    }

    #[test]
    fn only_files_that_are_in_the_folder_are_read_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let (deps, own) = (folder.path().join("deps"), folder.path().join("own"));
        fs::create_dir(&deps).unwrap();
        fs::write(deps.join("liba-1.rlib"), "").unwrap();
        let record = record(&deps);
        let given = || {
            let deps = deps.display();
            [
                format!("dependency={deps}"),
                format!("a={deps}/liba-1.rlib"),
                format!("b={deps}/libb-2.rlib"),
                format!("native={deps}"),
            ]
        };
        let mut arguments = given();
        select(&mut arguments, &record, &own);
        assert_eq!(arguments, given());

        update(&record, &own);
        select(&mut arguments, &record, &own);
        let ours = path(&own);
        assert_eq!(arguments[0], format!("dependency={}", ours.display()));
        assert_eq!(arguments[1], format!("a={}/liba-1.rlib", ours.display()));
        assert_eq!(arguments[2..], given()[2..]);
    }
}
