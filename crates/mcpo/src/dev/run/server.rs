//! One server process: started, ready, and later retired.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use mcpo_common::{
    process::{Group, apart},
    project::Environment,
};
use tokio::process::{Child, ChildStdin};
use tokio_util::sync::CancellationToken;

use super::{
    executable::Executable, listener::Listener, notify_channel::NotifyChannel,
    suspend_aware_timeout::SuspendAwareTimeout,
};
use crate::dev::messages::{server_report::ServerReport, tools::Tools};

/// How long a server may take to become ready.
pub const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// A server gives calls in flight 8 s. A server that still runs after this time is stuck.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The prefix of the line that reports the address of a server that opens its own listener.
const ADDRESS: &str = "X_MCPO_ADDRESS=";

/// The parameters for starting a server.
#[derive(Debug)]
pub struct Launch<'a> {
    pub executable: &'a Path,
    pub folder: &'a Path,
    pub state: &'a Path,
    pub listener: &'a Listener,
    pub environment: &'a Environment,
}

/// The result of a start.
#[derive(Debug)]
pub enum Start {
    Ready,
    Exited(ExitStatus),
    TooLate,
}

/// An event of a server that is running.
pub enum Happening {
    Reported(ServerReport),
    Exited(io::Result<ExitStatus>),
}

/// A server process that is running or about to run.
#[derive(Debug)]
pub struct Server {
    child: Child,
    group: Group,
    /// Held open. The server stops when it closes: because mcpo closes it, or because mcpo has
    /// ended.
    stdin: Option<ChildStdin>,
    notify_channel: NotifyChannel,
    tools: Tools,
    address: Option<SocketAddr>,
    ready_timeout: SuspendAwareTimeout,
    /// Must be dropped after the child.
    _executable: Executable,
}

impl Server {
    /// Starts a process. Its output goes directly to the terminal, so the last lines before a crash
    /// are not lost.
    pub fn start(launch: &Launch<'_>) -> io::Result<Self> {
        let notify_channel = NotifyChannel::open(launch.listener.mode())?;
        let executable = Executable::of(launch.executable, launch.state)?;
        let mut command = Command::new(executable.path());
        command
            .current_dir(launch.folder)
            .envs(launch.environment.additions())
            .env("MCPO_DEV", "1")
            .env_remove("NOTIFY_SOCKET")
            .env("MCPO_STATE_DIR", launch.state)
            .stdin(Stdio::piped())
            // mcpo's own stdout is for results.
            .stdout(io::stderr());
        launch.listener.show(&mut command)?;
        let (name, value) = notify_channel.variable();
        command.env(name, value);
        let mut command = tokio::process::Command::from(command);
        let mut child = apart(&mut command).kill_on_drop(true).spawn()?;
        Ok(Self {
            group: Group::of(&child),
            // If it stayed in `child`, the first `wait` would close it.
            stdin: child.stdin.take(),
            child,
            notify_channel,
            tools: Tools::default(),
            address: None,
            ready_timeout: SuspendAwareTimeout::of(READY_TIMEOUT),
            _executable: executable,
        })
    }

    /// Waits until the server reports that it accepts connections.
    ///
    /// The caller may drop this future and call again. Each datagram is recorded in `self` before
    /// the next wait, so no report of the server is lost.
    pub async fn started(&mut self) -> io::Result<Start> {
        loop {
            let datagram = tokio::select! {
                // After the process was frozen, several of these may be ready at the same time.
                biased;
                datagram = self.notify_channel.hear() => datagram?,
                status = self.child.wait() => return status.map(Start::Exited),
                () = self.ready_timeout.ends() => return Ok(Start::TooLate),
            };
            if self.record(&datagram) {
                return Ok(Start::Ready);
            }
        }
    }

    /// Records the tools and the address that a datagram reports. Returns true if the datagram also
    /// reports that the server is ready.
    fn record(&mut self, datagram: &str) -> bool {
        let mut is_ready = false;
        for line in datagram.lines() {
            if let Some(tools) = Tools::read(line) {
                self.tools = tools;
            } else if self.tools.define(line) {
                // The definitions follow the names.
            } else if let Some(address) = line.strip_prefix(ADDRESS) {
                self.address = address.parse().ok();
            } else {
                is_ready |= line == "READY=1";
            }
        }
        is_ready
    }

    /// Returns the tools that the server has reported.
    pub const fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Returns the address of the server's listener, if it opened its own.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Waits until the server reports something or stops by itself.
    pub async fn happens(&mut self) -> Happening {
        loop {
            let said = tokio::select! {
                heard = self.notify_channel.hear() => heard,
                status = self.child.wait() => return Happening::Exited(status),
            };
            let Ok(said) = said else {
                return Happening::Exited(self.child.wait().await);
            };
            if let Some(report) = said.lines().find_map(ServerReport::read) {
                return Happening::Reported(report);
            }
        }
    }

    /// Asks the server to accept no more connections and to stop.
    pub fn terminate(&mut self) {
        self.stdin = None;
        // On other systems, closing stdin is the only way to ask.
        #[cfg(unix)]
        self.group.terminate();
    }

    /// Waits a limited time for the calls in flight, then kills the server. Kills it immediately if
    /// `at_once` is cancelled.
    pub async fn retire(mut self, at_once: CancellationToken) {
        let mut ready_timeout = SuspendAwareTimeout::of(STOP_TIMEOUT);
        let gone = tokio::select! {
            biased;
            _ = self.child.wait() => true,
            () = ready_timeout.ends() => false,
            () = at_once.cancelled() => false,
        };
        if !gone {
            self.group.kill();
            // The process cannot survive a kill, and an error here cannot be handled.
            let _ = self.child.wait().await;
        }
    }
}
