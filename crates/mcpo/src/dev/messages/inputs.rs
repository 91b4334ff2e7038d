//! The files that the last build read.

use std::{collections::HashSet, path::PathBuf, time::SystemTime};

/// The files that the executable depends on, including included files and those of other local
/// crates.
#[derive(Clone, Debug)]
pub struct Inputs {
    pub files: HashSet<PathBuf>,
    /// When the build began. Later changes are not part of it.
    pub built: SystemTime,
    /// Whether the build failed. Then any file of the project may have been the missing one.
    pub failed: bool,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            files: HashSet::new(),
            built: SystemTime::UNIX_EPOCH,
            failed: false,
        }
    }
}
