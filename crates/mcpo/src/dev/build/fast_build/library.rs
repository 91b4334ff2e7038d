//! Compiles the runtime and all its dependencies into one dynamic library. An executable that links
//! to this library is linked in a fraction of the time. For development only: the library is never
//! part of a release.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use tokio_util::sync::CancellationToken;

use super::{
    record::{RUNTIME, Record},
    replay::{self, Form, Replayed},
};

/// Identifies the build of the runtime that the library was made from, and the command.
const STAMP: &str = "library.stamp";

/// Returns the library for the runtime that `executable` is linked with: the existing one, or a new
/// one. Returns `None` if it cannot be built; builds then work without it.
pub async fn of(
    executable: &Record,
    folder: &Path,
    cancel: &CancellationToken,
) -> io::Result<Option<PathBuf>> {
    let Some(linked) = linked_runtime(executable) else {
        return Ok(None);
    };
    let Some(record) = Record::read(folder, RUNTIME).filter(|record| made(record, &linked)) else {
        // The runtime was compiled while its command was not recorded. Without a record, the next
        // start of mcpo makes cargo compile it again.
        let _ = fs::remove_file(Record::path(folder, RUNTIME));
        return Ok(None);
    };
    let stamp = stamp(&linked, &record, folder)?;
    let kept = folder.join(STAMP);
    if let Ok(text) = fs::read_to_string(&kept)
        && let Some(library) = text.strip_prefix(&stamp)
        && Path::new(library).is_file()
    {
        return Ok(Some(library.into()));
    }
    match replay::run(&record, Form::Library, folder, false, None, cancel).await? {
        Replayed::Done { file, .. } => {
            fs::write(kept, format!("{stamp}{}", file.display()))?;
            Ok(Some(file))
        }
        Replayed::Failed | Replayed::Cancelled => Ok(None),
    }
}

/// Makes cargo compile the runtime again if its command was never recorded. `units` is the folder
/// of cargo's fingerprints.
pub fn see_again(folder: &Path, units: &Path) {
    if Record::path(folder, RUNTIME).is_file() {
        return;
    }
    for unit in fs::read_dir(units).into_iter().flatten().flatten() {
        let name = unit.file_name();
        let name = name.to_str().unwrap_or_default();
        let hash = name.strip_prefix("mcpo-runtime-").unwrap_or_default();
        // Cargo compiles everything that has no fingerprint.
        if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let _ = fs::remove_dir_all(unit.path());
        }
    }
}

fn linked_runtime(executable: &Record) -> Option<PathBuf> {
    let mut linked = executable.values("--extern");
    linked.find_map(|named| Some(named.strip_prefix(RUNTIME)?.strip_prefix('=')?.into()))
}

/// Returns true if `record` is the command that built this file.
fn made(record: &Record, file: &Path) -> bool {
    let mark = record.codegen("extra-filename").unwrap_or_default();
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| !mark.is_empty() && stem.ends_with(mark))
}

/// Returns which runtime `executable` is linked with, or `None` if it is linked with none.
pub fn version(executable: &Record) -> Option<String> {
    identity(&linked_runtime(executable)?).ok()
}

fn stamp(file: &Path, record: &Record, folder: &Path) -> io::Result<String> {
    let arguments = replay::arguments(record, Form::Library, folder);
    Ok(format!("{} {}\n", identity(file)?, arguments.join(" ")))
}

/// Identifies one build of a file.
fn identity(file: &Path) -> io::Result<String> {
    let about = fs::metadata(file)?;
    let written = about.modified()?.duration_since(UNIX_EPOCH);
    let written = written.map_err(io::Error::other)?.as_nanos();
    Ok(format!("{} {} {written}", file.display(), about.len()))
}
