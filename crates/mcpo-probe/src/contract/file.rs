//! Lock files.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use mcpo_common::{
    error::{Failure, Outcome},
    replace_file::replace_file,
};

use super::snapshot::Contract;

/// The most bytes that are read of a lock file: more than the largest list of tools needs.
const LIMIT: u64 = 32 * 1024 * 1024;

/// A file that contains a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFile(PathBuf);

impl LockFile {
    /// The name of the file that `mcpo deploy` reads in a project.
    pub const NAME: &str = "mcpo.lock";

    /// Names a file, which may not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the contract.
    pub fn read(&self) -> Outcome<Contract> {
        let failed = || Failure::new(format!("failed to read {}", self.0.display()));
        let mut text = String::new();
        let file = File::open(&self.0).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => failed()
                .because(&error)
                .hint("write it first with --lock instead of --locked"),
            _ => failed().because(&error),
        })?;
        let read = file.take(LIMIT + 1).read_to_string(&mut text);
        read.map_err(|error| failed().because(&error))?;
        if text.len() as u64 > LIMIT {
            return Err(failed().because(&io::Error::other("it is larger than 32 MiB")));
        }
        Contract::parse(&text).map_err(|error| {
            failed()
                .because(&io::Error::other(error))
                .hint("write it again with mcpo probe --lock, or restore it from version control")
        })
    }

    /// Writes the contract: a reader finds either the old or the new content.
    pub fn write(&self, contract: &Contract) -> Outcome<()> {
        replace_file(&self.0, contract.to_text().as_bytes()).map_err(|error| {
            Failure::new(format!("failed to write {}", self.0.display())).because(&error)
        })
    }
}
