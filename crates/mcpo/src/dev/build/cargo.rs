//! Builds through cargo, which decides what must be built.

use mcpo_common::{
    error::{Failure, Outcome},
    package::{self, Package, cargo_missing},
    process::{Group, apart},
    ui::Ui,
};

use super::{fast_build::record, progress, progress::Progress, rustc_wrapper};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use cargo_metadata::Message;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};
use tokio_util::sync::CancellationToken;

/// The result of a build.
#[derive(Debug)]
pub enum Build {
    /// The path of the executable.
    Done(PathBuf),
    /// Cargo has printed the reason, which this text begins with.
    Failed(String),
    /// Cargo was killed by a signal and could not print the reason.
    Killed(ExitStatus),
    Cancelled,
}

/// Runs `cargo build` for one executable.
#[derive(Debug)]
pub struct Cargo {
    package: Package,
    /// The folder in which the rustc commands are recorded.
    records: PathBuf,
    ui: Ui,
    /// The crates from folders of this machine, as of the last build.
    local: RefCell<BTreeSet<String>>,
}

impl Cargo {
    pub const fn new(package: Package, records: PathBuf, ui: Ui) -> Self {
        Self {
            package,
            records,
            ui,
            local: RefCell::new(BTreeSet::new()),
        }
    }

    /// Returns the packages and crates that come from folders of this machine.
    pub fn local(&self) -> BTreeSet<String> {
        self.local.borrow().clone()
    }

    pub const fn has_colours(&self) -> bool {
        self.ui.has_colours()
    }

    pub const fn package(&self) -> &Package {
        &self.package
    }

    /// Builds the current files. Diagnostics are printed as cargo writes them. If requested, so is
    /// the progress, in one line on a terminal.
    pub async fn build(&self, progress: bool, cancel: &CancellationToken) -> Outcome<Build> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => cargo_missing(),
            _ => Failure::new("failed to run cargo").because(&error),
        };
        let mut child = self.command(progress).spawn().map_err(failed)?;
        let group = Group::of(&child);
        tokio::select! {
            done = self.finish(&mut child) => {
                let (status, executable, said) = done.map_err(failed)?;
                Ok(match executable {
                    Some(path) if status.success() => Build::Done(path),
                    _ if status.code().is_none() => Build::Killed(status),
                    _ => Build::Failed(said),
                })
            }
            () = cancel.cancelled() => {
                group.terminate();
                // This also releases its lock on the build folder.
                child.wait().await.map_err(failed)?;
                Ok(Build::Cancelled)
            }
        }
    }

    fn command(&self, progress: bool) -> Command {
        let mut cargo = package::cargo();
        cargo
            .args(["build", "--message-format=json-render-diagnostics"])
            .args(["--package", &self.package.name])
            .args(["--bin", &self.package.executable])
            // The platform is named even if cargo's settings contain it, so that cargo uses the
            // folders that mcpo expects.
            .args(
                self.package
                    .platform
                    .iter()
                    .flat_map(|platform| ["--target", platform]),
            )
            .args((!progress).then_some("--quiet"))
            .arg("--target-dir")
            .arg(&self.package.target)
            .current_dir(&self.package.folder)
            .env(
                "CARGO_TERM_COLOR",
                if self.has_colours() {
                    "always"
                } else {
                    "never"
                },
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if self.ui.has_status() {
            cargo.envs(progress::VARIABLES);
        }
        if self.package.build != self.package.target {
            cargo.env("CARGO_BUILD_BUILD_DIR", &self.package.build);
        }
        apart(&mut cargo);
        let inner = rustc_wrapper::of(&self.package.folder);
        record::watch(&mut cargo, &self.records, &self.package.crate_name(), inner);
        cargo
    }

    /// Returns how cargo ended, the executable, and what cargo printed.
    async fn finish(&self, child: &mut Child) -> io::Result<(ExitStatus, Option<PathBuf>, String)> {
        let (messages, output) = (child.stdout.take(), child.stderr.take());
        let executable = async {
            match messages {
                Some(messages) => self.executable(messages).await,
                None => Ok(None),
            }
        };
        let said = async {
            match output {
                Some(output) => Progress::new(&self.ui).follow(output).await,
                None => Ok(String::new()),
            }
        };
        let (executable, said) = tokio::try_join!(executable, said)?;
        Ok((child.wait().await?, executable, said))
    }

    /// Reads all messages of cargo and returns the path of the project's executable.
    async fn executable(&self, messages: ChildStdout) -> io::Result<Option<PathBuf>> {
        let mut lines = BufReader::new(messages).lines();
        let mut found = None;
        while let Some(line) = lines.next_line().await? {
            let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(&line) else {
                continue;
            };
            if artifact.package_id.repr.starts_with("path+") {
                let mut local = self.local.borrow_mut();
                local.insert(artifact.target.name.clone());
                let manifest = artifact.manifest_path.parent();
                local.extend(
                    manifest
                        .and_then(|path| path.file_name())
                        .map(str::to_owned),
                );
                local.insert(self.package.name.clone());
            }
            if artifact.target.is_bin() && artifact.target.name == self.package.executable {
                found = artifact.executable.map(PathBuf::from);
            }
        }
        Ok(found)
    }
}
