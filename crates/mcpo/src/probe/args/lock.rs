//! The flags about the contract of the server.

use std::path::PathBuf;

use clap::Args;
use mcpo_common::error::Outcome;
use mcpo_probe::{LockFile, Locked};

/// Flags that write or read a lock file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Lock file")]
pub struct LockArgs {
    /// Write the tools, resources and prompts of the server to this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["locked", "watch"])]
    lock: Option<PathBuf>,

    /// Compare the tools, resources and prompts with this file, and fail if a change breaks clients
    /// or affects the trust of users.
    #[arg(long, value_name = "FILE")]
    locked: Option<PathBuf>,

    /// With --locked: accept all changes and write them to the file.
    #[arg(long, requires = "locked", conflicts_with = "watch")]
    accept_changes: bool,
}

/// What to do with the contract after the probe.
#[derive(Debug)]
pub enum LockAction {
    Nothing,
    Write(LockFile),
    /// Write the file if the contract has changed.
    Accept(LockFile),
}

impl LockArgs {
    /// Reads the contract before the probe runs. Also returns what to do afterwards.
    pub fn read(self) -> Outcome<(Option<Locked>, LockAction)> {
        if let Some(path) = self.lock {
            return Ok((None, LockAction::Write(LockFile::new(path))));
        }
        let Some(path) = self.locked else {
            return Ok((None, LockAction::Nothing));
        };
        let file = LockFile::new(path);
        let name = file.path().display().to_string();
        let locked = Locked::new(file.read()?, name, "add --accept-changes")
            .with_changes_accepted(self.accept_changes);
        let action = if self.accept_changes {
            LockAction::Accept(file)
        } else {
            LockAction::Nothing
        };
        Ok((Some(locked), action))
    }
}
