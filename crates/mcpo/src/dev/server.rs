//! One child process that serves: started, ready, retired.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::process::{Child, ChildStdin};
use tokio_util::sync::CancellationToken;

use super::{
    door::Door, executable::Executable, patience::Patience, tools::Tools, trail::Notice, wire::Wire,
};
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
    patience: Patience,
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
            patience: Patience::of(READY_WITHIN),
            _executable: executable,
        })
    }

    /// Waits until the server reports that it accepts connections.
    ///
    /// The caller may drop this future and call again: each datagram is recorded in `self` before
    /// the next wait, so nothing that the server said is lost.
    pub async fn started(&mut self) -> io::Result<Start> {
        loop {
            let datagram = tokio::select! {
                // After a time in which we were frozen, all of it may have happened.
                biased;
                datagram = self.wire.hear() => datagram?,
                status = self.child.wait() => return status.map(Start::Exited),
                () = self.patience.ends() => return Ok(Start::TooLate),
            };
            if self.record(&datagram) {
                return Ok(Start::Ready);
            }
        }
    }

    /// Records what a datagram says about the tools and the address. Returns true if it also says
    /// that the server is ready.
    fn record(&mut self, datagram: &str) -> bool {
        let mut is_ready = false;
        for line in datagram.lines() {
            if let Some(tools) = Tools::read(line) {
                self.tools = tools;
            } else if let Some(address) = line.strip_prefix(ADDRESS) {
                self.address = address.parse().ok();
            } else {
                is_ready |= line == "READY=1";
            }
        }
        is_ready
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
