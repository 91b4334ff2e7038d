//! Simulates a machine that sleeps: all processes stop at the same moment, and when they continue,
//! the wall clock has moved.
//!
//! `libfaketime` moves the wall clock for the processes that load it. The monotonic clock is left
//! alone, because the kernel's monotonic clock does not advance while a machine sleeps.
//! `scripts/check` installs the library.

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::wait;

/// The path in Debian's package `libfaketime`, relative to the library folder of an architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// A wall clock, and optionally a monotonic clock, that runs at real time until it is moved.
#[derive(Debug)]
pub struct WallClock {
    folder: TempDir,
    takes_monotonic: bool,
}

impl WallClock {
    /// Creates a clock that moves only the wall clock, like a machine that sleeps.
    #[expect(clippy::new_without_default, reason = "it may panic")]
    pub fn new() -> Self {
        Self::make(false)
    }

    /// Creates a clock that also moves the monotonic clock, like a container that is paused.
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
        // rustup hangs when it runs under the library, and it does not need the simulated time.
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

    /// Moves the clock to eight hours after the real time.
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

    /// Returns the environment variables that make a process use this clock.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = env::var("PATH").unwrap_or_default();
        let own = |name| self.folder.path().join(name).display().to_string();
        let monotonic = if self.takes_monotonic { "0" } else { "1" };
        vec![
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", monotonic.to_owned()),
            // Files keep the real timestamps that the kernel sets.
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
    found.find(|library| library.is_file()).expect(
        "could not run: the package faketime is not installed; run scripts/check to install it",
    )
}

fn find(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found = env::split_paths(&path).map(|folder| folder.join(program));
    found
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("no {program} on the PATH"))
}

/// The order in which processes continue when a machine wakes.
#[derive(Clone, Copy, Debug)]
pub enum ResumeOrder {
    /// A process continues before its children.
    Parents,
    /// A process continues after its children.
    Children,
}

/// A process and all its descendants, stopped.
#[derive(Debug)]
pub struct StoppedProcesses(Vec<u32>);

impl StoppedProcesses {
    /// Stops the process and all its descendants. A stopped process starts no more children.
    pub fn all_of(process: u32) -> Self {
        let mut stopped = vec![process];
        wait::signal("STOP", process);
        loop {
            let new: Vec<u32> = children_of(&stopped);
            if new.is_empty() {
                return Self(stopped);
            }
            for child in new {
                // The child may have exited already.
                let _ = Command::new("kill")
                    .args(["-s", "STOP", &child.to_string()])
                    .output();
                stopped.push(child);
            }
        }
    }

    /// Returns the number of stopped processes.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Lets the processes continue.
    pub fn resume(mut self, first: ResumeOrder) {
        if matches!(first, ResumeOrder::Children) {
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

/// Creates a second name for a file, in an unwatched folder. A watcher of the original folder gets
/// no event for writes through this name, as when another machine writes to a shared folder.
pub fn unwatched_link(file: &Path, folder: &Path) -> PathBuf {
    let other = folder.join("back-door");
    fs::hard_link(file, &other).expect("a second name for the file");
    other
}
