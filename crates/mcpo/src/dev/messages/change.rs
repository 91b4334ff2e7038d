//! The effect of one or several saves on the files that matter.

use std::{collections::BTreeSet, path::PathBuf, time::Instant};

/// A change that the server should follow.
#[derive(Clone, Debug)]
pub struct Change {
    /// When the first file changed.
    pub since: Instant,
    /// When the last save in this change began.
    pub latest: Instant,
    /// The files, relative to the project's folder. Empty for the first build.
    pub files: BTreeSet<PathBuf>,
    /// Whether the executable may depend on one of the files.
    pub executable: bool,
    /// Whether the server's environment changed.
    pub environment: bool,
}

impl Change {
    /// Returns a change without any files.
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            since: now,
            latest: now,
            files: BTreeSet::new(),
            executable: false,
            environment: false,
        }
    }

    /// The first build: everything is new.
    pub fn start() -> Self {
        Self {
            executable: true,
            environment: true,
            ..Self::new()
        }
    }

    /// Adds a later change that arrived before this change was handled.
    pub fn merge(&mut self, later: Self) {
        self.since = self.since.min(later.since);
        self.latest = self.latest.max(later.latest);
        self.files.extend(later.files);
        self.executable |= later.executable;
        self.environment |= later.environment;
    }

    /// Returns true if a build that was running during the change must be repeated, even if it
    /// succeeded.
    ///
    /// A lock file that changes during a build was most likely written by cargo for that build.
    pub fn makes_build_useless(&self) -> bool {
        self.executable && !self.is_lock_file_only()
    }

    fn is_lock_file_only(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(|file| file.ends_with("Cargo.lock"))
    }

    /// Returns true if a user made the change on purpose, so that it should be reported.
    pub fn was_meant(&self) -> bool {
        !self.is_lock_file_only()
    }

    /// Returns a short description of the files, or `None` for the first build.
    pub fn describe(&self) -> Option<String> {
        // A lock file that changed together with other files changed because of them.
        let meant = |file: &&PathBuf| !self.was_meant() || !file.ends_with("Cargo.lock");
        let mut files = self.files.iter().filter(meant);
        let first = files.next()?.display();
        Some(match files.count() {
            0 => first.to_string(),
            more => format!("{first} and {more} more"),
        })
    }

    /// Returns the time since the first file changed, in a readable unit.
    pub fn age(&self) -> String {
        let elapsed = self.since.elapsed();
        if elapsed.as_secs() < 10 {
            format!("{} ms", elapsed.as_millis())
        } else {
            format!("{} s", elapsed.as_secs())
        }
    }
}
