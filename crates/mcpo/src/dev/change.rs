//! What one save, or several in a row, did to the files that matter.

use std::{collections::BTreeSet, path::PathBuf, time::Instant};

/// A change that the server is to follow.
#[derive(Clone, Debug)]
pub struct Change {
    /// When the first file changed.
    pub since: Instant,
    /// When the last save began that is part of it.
    pub latest: Instant,
    /// The files, as the project's folder names them; none for the first build.
    pub files: BTreeSet<PathBuf>,
    /// Whether the executable may depend on one of them.
    pub executable: bool,
    /// Whether the server's environment changed.
    pub environment: bool,
}

impl Change {
    /// Nothing yet.
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

    /// Takes in what happened after this change and before anything was done about it.
    pub fn merge(&mut self, later: Self) {
        self.since = self.since.min(later.since);
        self.latest = self.latest.max(later.latest);
        self.files.extend(later.files);
        self.executable |= later.executable;
        self.environment |= later.environment;
    }

    /// Whether a build that was running meanwhile has to be done again, whatever its result.
    ///
    /// A lock file that changes during a build was most likely written by cargo for that build.
    pub fn makes_build_useless(&self) -> bool {
        self.executable && !self.is_lock_file_only()
    }

    fn is_lock_file_only(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(|file| file.ends_with("Cargo.lock"))
    }

    /// Whether somebody made the change on purpose, so that it is worth a word.
    pub fn was_meant(&self) -> bool {
        !self.is_lock_file_only()
    }

    /// The files in a few words, or nothing for the first build.
    pub fn describe(&self) -> Option<String> {
        // A lock file that changed together with others did so because of them.
        let meant = |file: &&PathBuf| !self.was_meant() || !file.ends_with("Cargo.lock");
        let mut files = self.files.iter().filter(meant);
        let first = files.next()?.display();
        Some(match files.count() {
            0 => first.to_string(),
            more => format!("{first} and {more} more"),
        })
    }

    /// The time since the first file changed, in the unit a person would choose.
    pub fn age(&self) -> String {
        let elapsed = self.since.elapsed();
        if elapsed.as_secs() < 10 {
            format!("{} ms", elapsed.as_millis())
        } else {
            format!("{} s", elapsed.as_secs())
        }
    }
}
