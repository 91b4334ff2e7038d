//! Other programs: whether there are any, processes that are to end together, and being told to end.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::env;

#[cfg(unix)]
pub use self::unix::{Group, Signals, apart};
#[cfg(windows)]
pub use self::windows::{Group, Signals, apart};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Somebody at the terminal wants it to stop.
    Interrupt,
    /// The system, or what runs us, wants it to end.
    End,
}

/// Whether a program of this name is on the path.
pub fn has_program(name: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&paths).any(|folder| folder.join(&file).is_file())
}
