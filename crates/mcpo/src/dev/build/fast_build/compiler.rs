//! Starts rustc before there is something to compile.
//!
//! rustc needs about 15 ms until it reads its arguments, most of it to load its own libraries. So
//! after each build, mcpo starts the rustc for the next one, which waits for its arguments on stdin
//! (`rustc @/dev/stdin`). If mcpo is killed, stdin closes, and rustc ends.

use std::{io, path::PathBuf, process::Stdio, time::Duration};

use mcpo_common::process::apart;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    task::JoinHandle,
};

use super::{linker, record::Record};

/// The time after a build. The new server starts first, and must not share the processor with the next
/// rustc.
const DELAY: Duration = Duration::from_millis(500);
/// The file that rustc reads arguments from, one in each line.
const ARGUMENTS: &str = "@/dev/stdin";

/// What a process of rustc needs before its arguments are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    record: Record,
    /// The library that is linked, and the path of its stub.
    pub library_and_stub: Option<(PathBuf, PathBuf)>,
}

impl Setup {
    pub fn new(record: &Record, library_and_stub: Option<(PathBuf, PathBuf)>) -> Self {
        Self {
            record: record.clone(),
            library_and_stub,
        }
    }

    /// Returns a command without arguments.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.record.program);
        command
            .current_dir(&self.record.folder)
            .envs(&self.record.environment)
            .env_remove("RUSTC_WRAPPER")
            // The jobserver of a cargo that runs mcpo uses descriptors that this process does not
            // have.
            .env_remove("CARGO_MAKEFLAGS")
            .env_remove("MAKEFLAGS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some((library, stub)) = &self.library_and_stub {
            linker::set_paths(&mut command, library, stub);
        }
        command
    }

    /// Starts rustc with these arguments.
    pub fn start(&self, arguments: &[String]) -> io::Result<Child> {
        apart(self.command().args(arguments)).spawn()
    }
}

/// A process of rustc that waits for its arguments.
pub struct WaitingCompiler {
    setup: Setup,
    starting: JoinHandle<io::Result<Child>>,
}

impl WaitingCompiler {
    /// Starts rustc after a short delay. Returns `None` if the command is that of a wrapper, which may
    /// not read its arguments from a file.
    pub fn start(setup: Setup) -> Option<Self> {
        let is_wrapper = |first: &String| !first.starts_with('-');
        if setup.record.arguments.first().is_some_and(is_wrapper) {
            return None;
        }
        let mut command = setup.command();
        command.arg(ARGUMENTS).stdin(Stdio::piped());
        let starting = tokio::spawn(async move {
            tokio::time::sleep(DELAY).await;
            apart(&mut command).spawn()
        });
        Some(Self { setup, starting })
    }

    /// Sends the arguments to rustc. Returns `None` if this process cannot be used: it was started
    /// for another command, it has ended, or it is not running yet.
    pub async fn run(mut self, setup: &Setup, arguments: &[String]) -> Option<Child> {
        let has_lines = arguments
            .iter()
            .any(|argument| argument.contains(['\n', '\r']));
        if self.setup != *setup || has_lines || !self.starting.is_finished() {
            return None;
        }
        let mut child = (&mut self.starting).await.ok()?.ok()?;
        if child.try_wait().ok()?.is_some() {
            return None;
        }
        // Dropping stdin ends the arguments.
        let mut stdin = child.stdin.take()?;
        stdin
            .write_all(arguments.join("\n").as_bytes())
            .await
            .ok()?;
        Some(child)
    }
}

impl Drop for WaitingCompiler {
    fn drop(&mut self) {
        // If the process is already running, it is the result of the task, and ends with it.
        self.starting.abort();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn setup(program: &str) -> Setup {
        let record = Record {
            program: program.into(),
            arguments: Vec::new(),
            folder: "/".into(),
            environment: BTreeMap::new(),
            source: None,
        };
        Setup::new(&record, None)
    }

    /// Returns a compiler that is running.
    async fn started(setup: &Setup) -> Option<WaitingCompiler> {
        let waiting = WaitingCompiler::start(setup.clone())?;
        while !waiting.starting.is_finished() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(waiting)
    }

    fn arguments(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn a_compiler_gets_its_arguments_after_it_was_started() {
        let setup = setup("rustc");
        let arguments = arguments("--crate-type bin /no/such/file.rs");
        let waiting = started(&setup).await.unwrap();
        let child = waiting.run(&setup, &arguments).await;
        let output = child.unwrap().wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("/no/such/file.rs"), "{said}");
        assert!(!output.status.success());
    }

    #[tokio::test]
    async fn a_compiler_is_not_used_too_early_or_for_another_command() {
        let setup = setup("rustc");
        let version = arguments("--version");
        let early = WaitingCompiler::start(setup.clone()).unwrap();
        assert!(early.run(&setup, &version).await.is_none());

        let other = started(&self::setup("cargo")).await.unwrap();
        assert!(other.run(&setup, &version).await.is_none());
        let lines = ["--cfg".to_owned(), "two\nlines".to_owned()];
        let running = started(&setup).await.unwrap();
        assert!(running.run(&setup, &lines).await.is_none());
        let mut wrapped = setup;
        wrapped.record.arguments = arguments("rustc --crate-name tiny");
        assert!(WaitingCompiler::start(wrapped).is_none());
    }

    #[tokio::test]
    async fn a_compiler_that_ended_is_not_used() {
        let setup = setup("true");
        let mut waiting = started(&setup).await.unwrap();
        let mut child = (&mut waiting.starting).await.unwrap().unwrap();
        child.wait().await.unwrap();
        waiting.starting = tokio::spawn(async { Ok(child) });
        tokio::task::yield_now().await;
        assert!(waiting.starting.is_finished());
        let version = arguments("--version");
        assert!(waiting.run(&setup, &version).await.is_none());
    }
}
