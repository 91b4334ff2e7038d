//! Errors that end a command: the message that the user reads and the process's exit code.

use std::{error::Error as StdError, fmt, process::ExitCode};

/// The exit code of the process, as documented in `mcpo --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command succeeded, and every check passed.
    Success = 0,
    /// A check ran and failed.
    CheckFailed = 1,
    /// The command could not run.
    CouldNotRun = 2,
    /// A dry run found something to change.
    ChangesPending = 10,
    /// The user pressed Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error as the terminal shows it: what failed, why, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    what: String,
    causes: Vec<String>,
    hint: Option<String>,
}

/// The result of every function that can fail a command.
pub type Outcome<T = Exit> = Result<T, Failure>;

/// What failed and why, in one line.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)?;
        for cause in &self.causes {
            write!(formatter, ": {cause}")?;
        }
        Ok(())
    }
}

impl StdError for Failure {}

impl Failure {
    /// Creates a failure that keeps the command from running. `what` reads "failed to …" or names
    /// the fault.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            exit: Exit::CouldNotRun,
            what: what.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// Adds `error` and its chain of sources.
    #[must_use]
    pub fn because(mut self, error: &dyn StdError) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Wrappers such as reqwest's repeat the text of the error that they wrap.
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Adds what the user can do about the failure: a sentence, or a command to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Replaces the default exit code, [`Exit::CouldNotRun`].
    #[must_use]
    pub const fn exit_with(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Returns the exit code of the process.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns what failed.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns why it failed: the outermost cause first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// Returns what the user can do about the failure.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
