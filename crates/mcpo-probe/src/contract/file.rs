//! Lock files.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use mcpo_common::error::{Failure, Outcome};

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
        let mut name = self.0.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.draft", std::process::id()));
        let draft = self.0.with_file_name(name);
        let written =
            write_draft(&draft, &contract.to_text()).and_then(|()| fs::rename(&draft, &self.0));
        written.map_err(|error| {
            // A partial file is useless.
            let _ = fs::remove_file(&draft);
            Failure::new(format!("failed to write {}", self.0.display())).because(&error)
        })
    }
}

fn write_draft(draft: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
