//! Remembers the state of each file, to find files that changed without an event: on another
//! machine that shares the folder, or while this machine slept.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The time and the size of a file, or `None` if the file does not exist.
type State = Option<(SystemTime, u64)>;

/// The last known states of files by path.
#[derive(Debug, Default)]
pub struct Snapshot(HashMap<PathBuf, State>);

impl Snapshot {
    /// Records the current state of a file. Returns true if it differs from the last one, or if the
    /// file is new.
    pub fn take(&mut self, path: &Path) -> bool {
        let now = state(path);
        match self.0.get_mut(path) {
            Some(before) => std::mem::replace(before, now) != now,
            None => {
                self.0.insert(path.to_owned(), now);
                now.is_some()
            }
        }
    }

    /// Returns all files with a recorded state.
    pub fn files(&self) -> Vec<PathBuf> {
        self.0.keys().cloned().collect()
    }
}

fn state(path: &Path) -> State {
    let about = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((about.modified().ok()?, about.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_of_a_file_is_found_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let mut snapshot = Snapshot::default();
        assert!(!snapshot.take(&file), "it never existed");
        fs::write(&file, "one").unwrap();
        assert!(snapshot.take(&file), "new");
        assert!(!snapshot.take(&file));
        fs::write(&file, "three").unwrap();
        assert!(snapshot.take(&file), "the length changed");
        let old = SystemTime::UNIX_EPOCH;
        let written = fs::File::options().append(true).open(&file).unwrap();
        written.set_modified(old).unwrap();
        assert!(snapshot.take(&file), "the time changed to an earlier one");
        fs::remove_file(&file).unwrap();
        assert!(snapshot.take(&file), "deleted");
        assert_eq!(snapshot.files(), [file]);
    }
}
