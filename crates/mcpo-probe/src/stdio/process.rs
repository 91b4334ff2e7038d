//! The process of a local server.

use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use mcpo_common::process::{Group, apart};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
};

use super::{
    command::ServerCommand,
    lines::{self, Line},
    stderr::LastLines,
};
use crate::http::BODY_LIMIT;

/// How many lines of stdout wait to be read. After that, the server has to wait, so that memory is
/// bounded.
const WAITING_LINES: usize = 8;
/// The most bytes of a line on stderr.
const STDERR_LINE: usize = 2_000;
/// How long the status of a process may take after its stdout has closed.
const STATUS_WAIT: Duration = Duration::from_secs(1);

/// A running server. Dropping this value kills the process and its children.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    group: Group,
    /// `None` after it has been closed.
    stdin: Option<ChildStdin>,
    stdout: mpsc::Receiver<Line>,
    stderr: Arc<LastLines>,
    /// Set after the process has ended.
    status: Option<ExitStatus>,
}

/// How a process ended after its stdin had closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, as it should.
    ByItself(ExitStatus),
    /// It did not end in time.
    Killed,
}

impl ServerProcess {
    /// Starts the command in a new process group, with the environment of the probe except its
    /// credentials.
    pub fn start(command: &ServerCommand) -> io::Result<Self> {
        let mut program = Command::new(command.program());
        program
            .args(command.arguments())
            .env_remove("MCPO_PROBE_PASSWORD")
            .env_remove("MCPO_PROBE_CLIENT_SECRET")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = apart(&mut program).spawn()?;
        let group = Group::of(&child);
        let (sender, stdout) = mpsc::channel(WAITING_LINES);
        if let Some(output) = child.stdout.take() {
            // The task ends with the stream, or when the receiver is dropped.
            tokio::spawn(async move {
                let mut output = BufReader::new(output);
                while let Ok(Some(line)) = lines::next(&mut output, BODY_LIMIT).await {
                    if sender.send(line).await.is_err() {
                        break;
                    }
                }
            });
        }
        let stderr = Arc::new(LastLines::default());
        if let Some(output) = child.stderr.take() {
            let kept = Arc::clone(&stderr);
            // A server whose stderr is not read stops at some point.
            tokio::spawn(async move {
                let mut output = BufReader::new(output);
                while let Ok(Some(line)) = lines::next(&mut output, STDERR_LINE).await {
                    if let Line::Text(text) = line {
                        kept.push(text);
                    }
                }
            });
        }
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            group,
            stdout,
            stderr,
            status: None,
        })
    }

    /// Writes `message` as one line.
    pub async fn send(&mut self, message: &str) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        stdin.write_all(format!("{message}\n").as_bytes()).await?;
        stdin.flush().await
    }

    /// Returns the next line of stdout, or `None` after it has closed. Can be canceled.
    pub async fn receive(&mut self) -> Option<Line> {
        self.stdout.recv().await
    }

    /// Returns a line of stdout that has already been read.
    pub fn waiting(&mut self) -> Option<Line> {
        self.stdout.try_recv().ok()
    }

    /// Returns the last lines of stderr.
    pub fn stderr(&self) -> &LastLines {
        &self.stderr
    }

    /// Returns the exit status after stdout has closed; `None` if the process still runs. The
    /// children of a process that has ended are killed.
    pub async fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            let status = tokio::time::timeout(STATUS_WAIT, self.group.wait(&mut self.child)).await;
            self.status = status.ok().and_then(Result::ok);
        }
        self.status
    }

    /// Closes stdin, and waits until the process has ended. Kills it after `limit`. Its children are
    /// killed in both cases.
    pub async fn close(&mut self, limit: Duration) -> Ending {
        drop(self.stdin.take());
        let ended = tokio::time::timeout(limit, async {
            // When stdout closes, the children have ended too, and no process waits for a full pipe.
            while self.stdout.recv().await.is_some() {}
            self.group.wait(&mut self.child).await
        });
        if let Ok(Ok(status)) = ended.await {
            self.status = Some(status);
            return Ending::ByItself(status);
        }
        self.group.kill();
        self.status = self.child.wait().await.ok();
        Ending::Killed
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Until the process has been waited for, its id is not reused.
        if self.status.is_none() {
            self.group.kill();
        }
    }
}
