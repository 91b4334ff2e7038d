//! The runtime and all it depends on as one dynamic library, made once: an executable beside it is
//! linked in a fraction of the time. It is for development only; nothing of it is ever released.

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

/// Which build of the runtime the library was made from.
const STAMP: &str = "library.stamp";

/// The library for the runtime that `executable` is linked with: the one that is there, or a new
/// one. `None` where it cannot be made: everything goes on without.
pub async fn of(
    executable: &Record,
    folder: &Path,
    cancel: &CancellationToken,
) -> io::Result<Option<PathBuf>> {
    let Some(linked) = linked_runtime(executable) else {
        return Ok(None);
    };
    let stamp = stamp(&linked)?;
    let Some(record) = Record::read(folder, RUNTIME).filter(|record| made(record, &linked)) else {
        // It was compiled while nobody was watching. Without this the same would be found again.
        let _ = fs::remove_file(Record::path(folder, RUNTIME));
        return Ok(None);
    };
    let kept = folder.join(STAMP);
    if let Ok(text) = fs::read_to_string(&kept)
        && let Some(library) = text.strip_prefix(&stamp)
        && Path::new(library).is_file()
    {
        return Ok(Some(library.into()));
    }
    match replay::run(&record, Form::Library, folder, false, cancel).await? {
        Replayed::Done { file, .. } => {
            fs::write(kept, format!("{stamp}{}", file.display()))?;
            Ok(Some(file))
        }
        Replayed::Failed | Replayed::Cancelled => Ok(None),
    }
}

/// Lets cargo compile the runtime once more if its command was never seen. `units` is where cargo
/// remembers what it has compiled.
pub fn see_again(folder: &Path, units: &Path) {
    if Record::path(folder, RUNTIME).is_file() {
        return;
    }
    for unit in fs::read_dir(units).into_iter().flatten().flatten() {
        let name = unit.file_name();
        let name = name.to_str().unwrap_or_default();
        let hash = name.strip_prefix("mcpo-runtime-").unwrap_or_default();
        // Cargo compiles what it does not remember.
        if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let _ = fs::remove_dir_all(unit.path());
        }
    }
}

fn linked_runtime(executable: &Record) -> Option<PathBuf> {
    let mut linked = executable.values("--extern");
    linked.find_map(|named| Some(named.strip_prefix(RUNTIME)?.strip_prefix('=')?.into()))
}

/// Whether `record` is the command that made this file.
fn made(record: &Record, file: &Path) -> bool {
    let mark = record.codegen("extra-filename").unwrap_or_default();
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| !mark.is_empty() && stem.ends_with(mark))
}

fn stamp(file: &Path) -> io::Result<String> {
    let about = fs::metadata(file)?;
    let written = about.modified()?.duration_since(UNIX_EPOCH);
    let written = written.map_err(io::Error::other)?.as_nanos();
    Ok(format!("{} {} {written}\n", file.display(), about.len()))
}
