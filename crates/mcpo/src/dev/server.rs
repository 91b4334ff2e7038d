//! One child process that serves: started, ready, retired.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    process::{Child, ChildStdin},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{door::Door, executable::Executable, tools::Tools, trail::Notice, wire::Wire};
use crate::process::{Group, apart};
use crate::project::Environment;

/// How long a server may take to get ready.
pub const READY_WITHIN: Duration = Duration::from_secs(30);
/// A server gives calls in flight 8 s; one that is still there after this is stuck.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// How a server that listens for itself says where.
const ADDRESS: &str = "X_MCPO_ADDRESS=";

/// What a server is started with.
#[derive(Debug)]
pub struct Launch<'a> {
    pub executable: &'a Path,
    pub folder: &'a Path,
    pub state: &'a Path,
    pub door: &'a Door,
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
    /// Held open: when it closes, by us or because we are gone, the server leaves.
    stdin: Option<ChildStdin>,
    wire: Wire,
    tools: Tools,
    address: Option<SocketAddr>,
    deadline: Instant,
    /// Outlives the child.
    _executable: Executable,
}

impl Server {
    /// Starts a process. What it writes goes straight to the terminal, its last words included.
    pub fn start(launch: &Launch<'_>) -> io::Result<Self> {
        let wire = Wire::open(launch.door.way())?;
        let executable = Executable::of(launch.executable, launch.state)?;
        let mut command = Command::new(executable.path());
        command
            .current_dir(launch.folder)
            .envs(launch.environment.additions())
            .env("MCPO_DEV", "1")
            .env_remove("NOTIFY_SOCKET")
            .env("MCPO_STATE_DIR", launch.state)
            .stdin(Stdio::piped())
            // Our own stdout is for results.
            .stdout(io::stderr());
        launch.door.show(&mut command)?;
        let (name, value) = wire.variable();
        command.env(name, value);
        let mut command = tokio::process::Command::from(command);
        let mut child = apart(&mut command).kill_on_drop(true).spawn()?;
        Ok(Self {
            group: Group::of(&child),
            // Left inside, it would be closed by the first `wait`.
            stdin: child.stdin.take(),
            child,
            wire,
            tools: Tools::default(),
            address: None,
            deadline: Instant::now() + READY_WITHIN,
            _executable: executable,
        })
    }

    /// Waits for the word that it accepts connections.
    pub async fn started(&mut self) -> io::Result<Start> {
        tokio::select! {
            said = said_ready(&self.wire) => said.map(|(tools, address)| {
                self.tools = tools;
                self.address = address;
                Start::Ready
            }),
            status = self.child.wait() => status.map(Start::Exited),
            () = sleep_until(self.deadline) => Ok(Start::TooLate),
        }
    }

    /// The tools that it has said it has.
    pub const fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Where it listens, if it listens for itself.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Waits for what a server that answers does: it tells of a request, or ends although nobody
    /// asked it to.
    pub async fn happens(&mut self) -> Happening {
        loop {
            let said = tokio::select! {
                heard = self.wire.hear() => heard,
                status = self.child.wait() => return Happening::Exited(status),
            };
            let Ok(said) = said else {
                return Happening::Exited(self.child.wait().await);
            };
            if let Some(notice) = said.lines().find_map(Notice::read) {
                return Happening::Request(notice);
            }
        }
    }

    /// Tells it to accept nothing more.
    pub fn terminate(&mut self) {
        self.stdin = None;
        // Elsewhere the end of stdin is all there is.
        #[cfg(unix)]
        self.group.terminate();
    }

    /// Lets it finish what it has, for a while, unless all is to end at once.
    pub async fn retire(mut self, at_once: CancellationToken) {
        let gone = tokio::select! {
            gone = timeout(GONE_WITHIN, self.child.wait()) => gone.is_ok(),
            () = at_once.cancelled() => false,
        };
        if !gone {
            self.group.kill();
            // Nothing outlives that; there is no more to be done about an error.
            let _ = self.child.wait().await;
        }
    }
}

/// Listens until it is said that the server is ready; the tools that were named until then, and
/// where it listens.
async fn said_ready(wire: &Wire) -> io::Result<(Tools, Option<SocketAddr>)> {
    let mut tools = Tools::default();
    let mut address = None;
    loop {
        for line in wire.hear().await?.lines() {
            if line == "READY=1" {
                return Ok((tools, address));
            }
            if let Some(named) = Tools::read(line) {
                tools = named;
            }
            if let Some(said) = line.strip_prefix(ADDRESS) {
                address = said.parse().ok();
            }
        }
    }
}
