//! A machine that sleeps, as far as processes can tell: all of them stand still at once, and when
//! they go on, the clock on the wall has moved.
//!
//! `libfaketime` lets a wall clock move for the processes that are given it (the kernel's monotonic
//! clock stands still while a machine sleeps, so that one is left alone). `scripts/check` installs it.

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::wait;

/// Where Debian's package `libfaketime` has it, below the folder of an architecture's libraries.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// A wall clock, and optionally a monotonic one, that runs like the real one until it is moved.
#[derive(Debug)]
pub struct WallClock {
    folder: TempDir,
    takes_monotonic: bool,
}

impl WallClock {
    /// A wall clock that moves alone, as that of a machine that sleeps.
    #[expect(clippy::new_without_default, reason = "it may fail")]
    pub fn new() -> Self {
        Self::make(false)
    }

    /// The monotonic clock moves as well, as that of a container that is paused.
    pub fn with_monotonic() -> Self {
        Self::make(true)
    }

    fn make(takes_monotonic: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Self {
            folder,
            takes_monotonic,
        };
        clock.set("+0");
        // Under the library, rustup hangs. It need not know what time it is.
        for program in ["cargo", "rustc"] {
            let real = find(program);
            let text = format!(
                "#!/bin/sh\nunset LD_PRELOAD\nexec '{}' \"$@\"\n",
                real.display()
            );
            let path = clock.folder.path().join(program);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
        }
        clock
    }

    /// Moves it to eight hours after the real one.
    pub fn sleep_eight_hours(&self) {
        self.set("+8h");
    }

    fn set(&self, to: &str) {
        let draft = self.folder.path().join("draft");
        fs::write(&draft, to).expect("a file");
        fs::rename(draft, self.file()).expect("a file");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("time")
    }

    /// The variables by which a process goes by this clock.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = env::var("PATH").unwrap_or_default();
        let own = |name| self.folder.path().join(name).display().to_string();
        let monotonic = if self.takes_monotonic { "0" } else { "1" };
        vec![
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", monotonic.to_owned()),
            // Files keep the dates that the kernel gives them.
            ("NO_FAKE_STAT", "1".to_owned()),
            ("CARGO", own("cargo")),
            ("RUSTC", own("rustc")),
            ("PATH", format!("{}:{path}", self.folder.path().display())),
        ]
    }
}

fn library() -> PathBuf {
    let architectures = fs::read_dir("/usr/lib").expect("a folder of libraries");
    let mut found = architectures
        .flatten()
        .map(|folder| folder.path().join(LIBRARY));
    found
        .find(|library| library.is_file())
        .expect("could not run: the package faketime is not installed; scripts/check does that")
}

fn find(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found = env::split_paths(&path).map(|folder| folder.join(program));
    found
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("no {program} on the PATH"))
}

/// Who goes on first when a machine wakes.
#[derive(Clone, Copy, Debug)]
pub enum First {
    /// A process before those that it has started.
    Parents,
    /// A process after those that it has started.
    Children,
}

/// A process and all below it, standing still.
#[derive(Debug)]
pub struct Frozen(Vec<u32>);

impl Frozen {
    /// Stops the process and all below it; whoever is stopped starts no more.
    pub fn all_of(process: u32) -> Self {
        let mut stopped = vec![process];
        wait::signal("STOP", process);
        loop {
            let new: Vec<u32> = children_of(&stopped);
            if new.is_empty() {
                return Self(stopped);
            }
            for child in new {
                // It may just have ended.
                let _ = Command::new("kill")
                    .args(["-s", "STOP", &child.to_string()])
                    .output();
                stopped.push(child);
            }
        }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Lets them go on.
    pub fn thaw(mut self, first: First) {
        if matches!(first, First::Children) {
            self.0.reverse();
        }
        for process in &self.0 {
            let _ = Command::new("kill")
                .args(["-s", "CONT", &process.to_string()])
                .output();
        }
    }
}

fn children_of(known: &[u32]) -> Vec<u32> {
    let listed = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid="])
        .output()
        .expect("ps");
    let known: BTreeSet<_> = known.iter().copied().collect();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let pairs = text.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    pairs
        .filter(|(child, parent)| known.contains(parent) && !known.contains(child))
        .map(|(child, _)| child)
        .collect()
}

/// Another name for a file, in a folder that nobody watches: what is written there, no watcher of the
/// first folder hears of, just as when another machine writes it.
pub fn back_door(file: &Path, folder: &Path) -> PathBuf {
    let other = folder.join("back-door");
    fs::hard_link(file, &other).expect("a second name for the file");
    other
}
