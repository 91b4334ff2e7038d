//! One child process that serves: started, ready, retired.

use std::{
    io,
    net::TcpListener,
    os::fd::AsFd as _,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use tempfile::TempDir;
use tokio::{
    net::UnixDatagram,
    process::{Child, ChildStdin},
};
use tokio_util::sync::CancellationToken;

use super::{patience::Patience, tools::Tools, trail::Notice};
use crate::process::Group;
use crate::project::Environment;

/// The first file descriptor after the standard ones, where systemd's convention begins.
const FIRST_PASSED: i32 = 3;
/// The names of some thousand tools; the rest is cut off.
const LONGEST_NOTICE: usize = 64 * 1024;
/// How long a server may take to get ready.
pub const READY_WITHIN: Duration = Duration::from_secs(30);
/// A server gives calls in flight 8 s; one that is still there after this is stuck.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Folders of sockets begin with this, then comes the process that made them.
const FOLDERS: &str = "mcpo-dev-";

/// Removes what was left by runs that had no time to do it.
pub fn clean_up() {
    let entries = std::fs::read_dir(std::env::temp_dir());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDERS)?.split('-').next()?.parse().ok());
        let is_gone = owner
            .and_then(Pid::from_raw)
            .is_some_and(|owner| test_kill_process(owner) == Err(Errno::SRCH));
        if is_gone {
            // It may be somebody else's, and then it stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// What a server is started with.
#[derive(Debug)]
pub struct Launch<'a> {
    pub executable: &'a Path,
    pub folder: &'a Path,
    pub state: &'a Path,
    pub listener: &'a TcpListener,
    pub environment: &'a Environment,
}

/// How a start went.
#[derive(Debug)]
pub enum Start {
    Ready,
    Exited(ExitStatus),
    TooLate,
}

/// What a server that answers does by itself.
pub enum Happening {
    Request(Notice),
    Exited(io::Result<ExitStatus>),
}

/// A process that serves, or is about to.
#[derive(Debug)]
pub struct Server {
    child: Child,
    group: Group,
    /// Held open: when it closes, because we are gone, the server leaves too.
    _stdin: Option<ChildStdin>,
    notices: UnixDatagram,
    tools: Tools,
    /// The folder of the socket that `notices` reads.
    _folder: TempDir,
    patience: Patience,
}

impl Server {
    /// Starts a process. What it writes goes straight to the terminal, its last words included.
    pub fn start(launch: &Launch<'_>) -> io::Result<Self> {
        // Not in the project: the path of a socket must be short.
        let folder = tempfile::Builder::new()
            .prefix(&format!("{FOLDERS}{}-", std::process::id()))
            .tempdir()?;
        let path = folder.path().join("ready");
        let notices = UnixDatagram::bind(&path)?;

        let mut command = Command::new(launch.executable);
        command
            .current_dir(launch.folder)
            .envs(launch.environment.additions())
            .env("LISTEN_FDS", "1")
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDNAMES")
            .env("NOTIFY_SOCKET", &path)
            .env("MCPO_DEV", "1")
            .env("MCPO_STATE_DIR", launch.state)
            .env("PORT", launch.listener.local_addr()?.port().to_string())
            .stdin(Stdio::piped())
            // Our own stdout is for results.
            .stdout(io::stderr().as_fd().try_clone_to_owned()?)
            .fd_mappings(vec![FdMapping {
                parent_fd: launch.listener.try_clone()?.into(),
                child_fd: FIRST_PASSED,
            }])
            .map_err(io::Error::other)?;
        let mut command = tokio::process::Command::from(command);
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        Ok(Self {
            group: Group::of(&child),
            // Left inside, it would be closed by the first `wait`.
            _stdin: child.stdin.take(),
            child,
            notices,
            tools: Tools::default(),
            _folder: folder,
            patience: Patience::of(READY_WITHIN),
        })
    }

    /// Waits for the word that it accepts connections.
    pub async fn started(&mut self) -> io::Result<Start> {
        tokio::select! {
            // After a time in which we were frozen, all of it may have happened.
            biased;
            said = said_ready(&self.notices) => said.map(|tools| {
                self.tools = tools;
                Start::Ready
            }),
            status = self.child.wait() => status.map(Start::Exited),
            () = self.patience.ends() => Ok(Start::TooLate),
        }
    }

    /// The tools that it has said it has.
    pub const fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Waits for what a server that answers does: it tells of a request, or ends although nobody
    /// asked it to.
    pub async fn happens(&mut self) -> Happening {
        let mut buffer = vec![0; LONGEST_NOTICE];
        loop {
            let length = tokio::select! {
                received = self.notices.recv(&mut buffer) => received,
                status = self.child.wait() => return Happening::Exited(status),
            };
            let Ok(length) = length else {
                return Happening::Exited(self.child.wait().await);
            };
            let text = String::from_utf8_lossy(&buffer[..length]);
            if let Some(notice) = text.lines().find_map(Notice::read) {
                return Happening::Request(notice);
            }
        }
    }

    /// Tells it to accept nothing more.
    pub fn terminate(&self) {
        self.group.terminate();
    }

    /// Lets it finish what it has, for a while, unless all is to end at once.
    pub async fn retire(mut self, at_once: CancellationToken) {
        let mut patience = Patience::of(GONE_WITHIN);
        let gone = tokio::select! {
            biased;
            _ = self.child.wait() => true,
            () = patience.ends() => false,
            () = at_once.cancelled() => false,
        };
        if !gone {
            self.group.kill();
            // Nothing outlives that; there is no more to be done about an error.
            let _ = self.child.wait().await;
        }
    }
}

/// Reads datagrams in systemd's form until one says that the server is ready; the tools that were
/// named until then.
async fn said_ready(notices: &UnixDatagram) -> io::Result<Tools> {
    let mut buffer = vec![0; LONGEST_NOTICE];
    let mut tools = Tools::default();
    loop {
        let length = notices.recv(&mut buffer).await?;
        let text = String::from_utf8_lossy(&buffer[..length]);
        for line in text.lines() {
            if line == "READY=1" {
                return Ok(tools);
            }
            if let Some(named) = Tools::read(line) {
                tools = named;
            }
        }
    }
}
