//! Other programs and signals: finds programs, groups processes that must end together, and reports
//! requests to stop.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::env;

#[cfg(unix)]
pub use self::unix::{Group, Signals, apart};
#[cfg(windows)]
pub use self::windows::{Group, Signals, apart};

/// The meaning of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The user at the terminal wants to interrupt the program.
    Interrupt,
    /// The system or the parent process wants the program to end.
    End,
}

/// Returns true if a program with this name is on the PATH.
#[must_use]
pub fn has_program(name: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&paths).any(|folder| folder.join(&file).is_file())
}
