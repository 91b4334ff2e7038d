//! The file that a server runs from.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempPath;

/// On Windows the file of a running program cannot be written, but the next build must write it.
const RUNS_FROM_A_COPY: bool = cfg!(windows);
/// The folder of copies, in the state folder.
const FOLDER: &str = "run";

/// The executable to run: the result of a build, or a copy that is removed when this value is
/// dropped.
#[derive(Debug)]
pub struct Executable {
    path: PathBuf,
    /// Removed when the server is gone.
    _copy: Option<TempPath>,
}

impl Executable {
    /// Returns the file to run for this build result.
    pub fn of(built: &Path, state: &Path) -> io::Result<Self> {
        if !RUNS_FROM_A_COPY {
            return Ok(Self {
                path: built.to_owned(),
                _copy: None,
            });
        }
        let folder = state.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let stem = built.file_stem().unwrap_or_default().to_string_lossy();
        let copy = tempfile::Builder::new()
            .prefix(&format!("{stem}-"))
            .suffix(std::env::consts::EXE_SUFFIX)
            .tempfile_in(folder)?
            .into_temp_path();
        fs::copy(built, &copy)?;
        Ok(Self {
            path: copy.to_path_buf(),
            _copy: Some(copy),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes the copies that earlier runs left behind. The system refuses to remove those that still
/// run.
pub fn clean_up(state: &Path) {
    let entries = fs::read_dir(state.join(FOLDER));
    for entry in entries.into_iter().flatten().flatten() {
        let _ = fs::remove_file(entry.path());
    }
}
