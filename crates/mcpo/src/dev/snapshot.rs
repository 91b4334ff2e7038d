//! How each file looked when it was last heard of, to find those that changed without anybody
//! telling: on another machine that shares the folder, or while this one slept.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Tells two states of a file apart; `None` if it is not there.
type State = Option<(SystemTime, u64)>;

/// Files by path.
#[derive(Debug, Default)]
pub struct Snapshot(HashMap<PathBuf, State>);

impl Snapshot {
    /// Takes a file as it is now; whether it looks different from before, or was not known.
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

    /// All files that it knows.
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
    fn whatever_happens_to_a_file_is_found_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let mut snapshot = Snapshot::default();
        assert!(!snapshot.take(&file), "not there, and never was");
        fs::write(&file, "one").unwrap();
        assert!(snapshot.take(&file), "new");
        assert!(!snapshot.take(&file));
        fs::write(&file, "three").unwrap();
        assert!(snapshot.take(&file), "another length");
        let old = SystemTime::UNIX_EPOCH;
        let written = fs::File::options().append(true).open(&file).unwrap();
        written.set_modified(old).unwrap();
        assert!(snapshot.take(&file), "another time, an earlier one");
        fs::remove_file(&file).unwrap();
        assert!(snapshot.take(&file), "gone");
        assert_eq!(snapshot.files(), [file]);
    }
}
