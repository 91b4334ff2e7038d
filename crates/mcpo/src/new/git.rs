//! Runs `git init`, unless the project is part of a repository already.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use mcpo_common::error::{Failure, Outcome};

/// The result of creating the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repository {
    Made,
    /// `--no-git`.
    NotWanted,
    /// The project is inside another repository.
    PartOfAnother,
    GitMissing,
}

impl Repository {
    /// Returns a remark for the user.
    pub const fn remark(&self) -> Option<&'static str> {
        match self {
            Self::Made | Self::NotWanted => None,
            Self::PartOfAnother => Some("as part of the surrounding git repository"),
            Self::GitMissing => Some("without a git repository: git is not installed"),
        }
    }
}

/// Makes `folder` a repository, unless its future parent folder `parent` is inside one.
pub fn init(folder: &Path, parent: &Path) -> Outcome<Repository> {
    if parent.ancestors().any(|above| above.join(".git").exists()) {
        return Ok(Repository::PartOfAnother);
    }
    let mut git = Command::new("git");
    git.args(["init", "--quiet"])
        .current_dir(folder)
        .stdin(Stdio::null());
    // A git hook or alias that runs mcpo sets these variables. They would make git use the wrong
    // repository.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(variable);
    }
    match git.output() {
        Ok(output) if output.status.success() => Ok(Repository::Made),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Failure::new("failed to create a git repository")
                .because(&io::Error::other(said.trim().to_owned()))
                .hint("fix git, or skip it with --no-git"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Repository::GitMissing),
        Err(error) => Err(Failure::new("failed to run git").because(&error)),
    }
}
