//! The vendored runtime in the cache of compiled dependencies.
//!
//! Cargo names the results of a crate inside the workspace after its relative path, so all projects
//! use the same names for the runtime. But cargo compares only the times of the source files, and
//! each project has its own copy. So mcpo compares the contents of the copies.

use std::{
    cmp::Reverse,
    fs::{self, File, FileTimes},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use mcpo_common::package::VENDORED_RUNTIME;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    artifact_name::is_runtime,
    fast_build::record::{RUNTIME, Record},
};

/// The file in the cache that describes the compiled runtime.
const FILE: &str = "runtime.json";

/// The folders of a project that occur in the commands of cargo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folders {
    pub workspace: PathBuf,
    pub target: PathBuf,
    pub build: PathBuf,
}

/// A compiled runtime in the cache.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledRuntime {
    /// The command that compiled it.
    record: Record,
    /// The folders of the project that compiled it.
    folders: Folders,
}

impl CompiledRuntime {
    /// Returns the runtime that a project has compiled. Returns `None` if its command is unknown,
    /// or if the source has changed since.
    pub fn of(folders: &Folders, records: &Path) -> Option<Self> {
        let record = Record::read(records, RUNTIME)?;
        let source = digest(&folders.workspace.join(VENDORED_RUNTIME)).ok()?;
        (record.source.as_ref() == Some(&source)).then(|| Self {
            record,
            folders: folders.clone(),
        })
    }

    /// Reads the description from the cache.
    pub fn read(cache: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(cache.join(FILE)).ok()?).ok()
    }

    pub fn write(&self, cache: &Path) -> io::Result<()> {
        serde_json::to_writer(File::create_new(cache.join(FILE))?, self)?;
        Ok(())
    }

    /// Returns true if cargo's name belongs to this build of the runtime: to the crate itself, or to
    /// another crate of the runtime that it was compiled with.
    pub fn has(&self, name: &str) -> bool {
        let stem = name.split('.').next().unwrap_or_default();
        let own = self.record.codegen("extra-filename");
        let others = self.record.values("--extern").filter_map(|given| {
            let (_, file) = given.split_once('=')?;
            let file = Path::new(file).file_stem()?.to_str()?;
            // The mark includes the hyphen.
            is_runtime(file).then(|| &file[file.rfind('-').unwrap_or_default()..])
        });
        let mut marks = own.into_iter().chain(others);
        marks.any(|mark| !mark.is_empty() && stem.ends_with(mark))
    }

    /// Stores the command for a project whose source is the one that was compiled. Returns false for
    /// another source, and if the command cannot be stored: for the fast build, cargo would have to
    /// compile the runtime again.
    pub fn hand_over(&self, folders: &Folders, records: &Path) -> bool {
        let source = digest(&folders.workspace.join(VENDORED_RUNTIME)).ok();
        let is_same = source.is_some() && source == self.record.source;
        is_same && self.record_for(folders).write(records, RUNTIME).is_ok()
    }

    /// Returns the command with the folders of another project.
    fn record_for(&self, folders: &Folders) -> Record {
        let mut moves = [
            (&*self.folders.target, &*folders.target),
            (&*self.folders.build, &*folders.build),
            (&*self.folders.workspace, &*folders.workspace),
        ];
        // The target folder is usually inside the workspace, so it must be found first.
        moves.sort_by_key(|(from, _)| Reverse(from.as_os_str().len()));
        let replaced = |text: &str| replace_folders(text, &moves);
        let Record {
            program,
            arguments,
            folder,
            environment,
            source,
        } = self.record.clone();
        Record {
            program,
            arguments: arguments
                .iter()
                .map(|argument| replaced(argument))
                .collect(),
            folder: replaced(&folder.to_string_lossy()).into(),
            environment: environment
                .into_iter()
                .map(|(name, value)| (name, replaced(&value)))
                .collect(),
            source,
        }
    }
}

/// Replaces folders in a text that contains paths, such as `name=/folder/file`.
fn replace_folders(text: &str, moves: &[(&Path, &Path)]) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        // `/other/folder` and `/folder-2` are other folders.
        let starts_here = !replaced.ends_with(is_of_name);
        let found = moves.iter().find_map(|(from, to)| {
            let after = rest.strip_prefix(from.to_str()?)?;
            (starts_here && !after.starts_with(is_of_name)).then_some((to.to_str()?, after))
        });
        if let Some((to, after)) = found {
            replaced.push_str(to);
            rest = after;
        } else {
            replaced.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    replaced
}

/// Returns true if the character can be part of the name of a file.
fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || "._-".contains(character)
}

/// Returns the SHA-256 of the names and contents of all files in a folder of source code, in base64.
pub fn digest(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let text = fs::read(&file)?;
        let name = file.strip_prefix(folder).unwrap_or(&file);
        for part in [name.as_os_str().as_encoded_bytes(), &text] {
            // The lengths separate the parts.
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
    }
    Ok(BASE64_URL_SAFE_NO_PAD.encode(digest.finalize()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Cargo creates this folder if it is used inside of the runtime.
        if entry.file_name() == "target" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Marks a unit as up to date at the time `checked`. Cargo compares the times of the source files
/// with those of the unit's lists of files.
pub fn refresh(unit: &Path, checked: SystemTime) -> io::Result<()> {
    let times = FileTimes::new().set_modified(checked);
    for entry in fs::read_dir(unit)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("dep-") {
            File::options()
                .append(true)
                .open(entry.path())?
                .set_times(times)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn folders(workspace: &str) -> Folders {
        let workspace = PathBuf::from(workspace);
        Folders {
            target: workspace.join("target"),
            build: "/shared/build-1".into(),
            workspace,
        }
    }

    #[test]
    fn a_command_uses_the_folders_of_its_project() {
        let arguments = "--extern a=/p/one/target/debug/liba.rmeta -L dependency=/shared/build-1 \
             --remap-path-prefix /p/one=x /p/one-more/target /x/p/one vendor/mcpo-runtime/src/lib.rs";
        let environment = BTreeMap::from([
            (
                "LD_LIBRARY_PATH".to_owned(),
                "/p/one/target:/lib".to_owned(),
            ),
            ("CARGO_MANIFEST_DIR".to_owned(), "/p/one/vendor".to_owned()),
        ]);
        let compiled = CompiledRuntime {
            record: Record {
                program: "rustc".into(),
                arguments: arguments.split_whitespace().map(str::to_owned).collect(),
                folder: "/p/one".into(),
                environment,
                source: None,
            },
            folders: folders("/p/one"),
        };
        let other = Folders {
            build: "/shared/build-2".into(),
            ..folders("/p/one/sub")
        };
        let record = compiled.record_for(&other);
        assert_eq!(record.folder, Path::new("/p/one/sub"));
        assert_eq!(
            record.environment["LD_LIBRARY_PATH"],
            "/p/one/sub/target:/lib"
        );
        assert_eq!(
            record.environment["CARGO_MANIFEST_DIR"],
            "/p/one/sub/vendor"
        );
        assert_eq!(
            record.arguments.join(" "),
            "--extern a=/p/one/sub/target/debug/liba.rmeta -L dependency=/shared/build-2 \
             --remap-path-prefix /p/one/sub=x /p/one-more/target /x/p/one vendor/mcpo-runtime/src/lib.rs"
        );
    }

    #[test]
    fn the_results_of_both_crates_belong_to_a_build() {
        let arguments = "-C extra-filename=-1111111111111111 \
             --extern mcpo_runtime_oauth=/t/libmcpo_runtime_oauth-2222222222222222.rmeta \
             --extern serde=/t/libserde-3333333333333333.rmeta";
        let compiled = CompiledRuntime {
            record: Record {
                program: "rustc".into(),
                arguments: arguments.split_whitespace().map(str::to_owned).collect(),
                folder: "/p".into(),
                environment: BTreeMap::new(),
                source: None,
            },
            folders: folders("/p"),
        };
        for name in [
            "mcpo-runtime-1111111111111111",
            "libmcpo_runtime-1111111111111111.rlib",
            "mcpo-runtime-oauth-2222222222222222",
            "mcpo_runtime_oauth-2222222222222222.d",
        ] {
            assert!(compiled.has(name), "{name}");
        }
        for name in [
            "mcpo-runtime-3333333333333333",
            "libmcpo_runtime_oauth-1111111111111112.rlib",
        ] {
            assert!(!compiled.has(name), "{name}");
        }
    }

    #[test]
    fn the_digest_covers_names_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
            digest(folder.path()).unwrap()
        };
        let one = write("src/lib.rs", "a");
        let two = write("src/more.rs", "");
        let three = write("src/lib.rs", "b");
        assert_eq!(BTreeMap::from([(&one, 1), (&two, 2), (&three, 3)]).len(), 3);
        assert_eq!(write("src/lib.rs", "b"), three);
        assert_eq!(write("target/debug/lib.rs", ""), three);
        fs::rename(
            folder.path().join("src/more.rs"),
            folder.path().join("src/other.rs"),
        )
        .unwrap();
        assert_ne!(digest(folder.path()).unwrap(), three);
    }
}
