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
use tempfile::TempDir;
use tokio::{
    net::UnixDatagram,
    process::{Child, ChildStdin},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::tools::Tools;
use crate::process::Group;
use crate::project::Environment;

/// The first file descriptor after the standard ones, where systemd's convention begins.
const FIRST_PASSED: i32 = 3;
/// The names of some thousand tools; the rest is cut off.
const LONGEST_NOTICE: usize = 64 * 1024;
/// The runtime's trail of the OAuth flow, without what rmcp says of each message.
const TELL_REQUESTS: &str = "info,mcpo_runtime=debug,rmcp=warn";
/// How long a server may take to get ready.
pub const READY_WITHIN: Duration = Duration::from_secs(30);
/// A server gives calls in flight 8 s; one that is still there after this is stuck.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// What a server is started with.
#[derive(Debug)]
pub struct Launch<'a> {
    pub executable: &'a Path,
    pub folder: &'a Path,
    pub state: &'a Path,
    pub listener: &'a TcpListener,
    pub environment: &'a Environment,
    /// Whether it is to tell of each request.
    pub tells_requests: bool,
}

/// How a start went.
#[derive(Debug)]
pub enum Start {
    Ready,
    Exited(ExitStatus),
    TooLate,
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
    deadline: Instant,
}

impl Server {
    /// Starts a process. What it writes goes straight to the terminal, its last words included.
    pub fn start(launch: &Launch<'_>) -> io::Result<Self> {
        // Not in the project: the path of a socket must be short.
        let folder = tempfile::Builder::new().prefix("mcpo-dev-").tempdir()?;
        let path = folder.path().join("ready");
        let notices = UnixDatagram::bind(&path)?;

        let mut command = Command::new(launch.executable);
        command
            .current_dir(launch.folder)
            .envs(launch.environment.additions().iter().cloned())
            .envs(launch.tells_requests.then_some(("MCPO_LOG", TELL_REQUESTS)))
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
            deadline: Instant::now() + READY_WITHIN,
        })
    }

    /// Waits for the word that it accepts connections.
    pub async fn started(&mut self) -> io::Result<Start> {
        tokio::select! {
            said = said_ready(&self.notices) => said.map(|tools| {
                self.tools = tools;
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

    /// Waits for its end, which nobody asked for.
    pub async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Lets it finish what it has, for a while, unless all is to end at once.
    pub async fn retire(mut self, at_once: CancellationToken) {
        self.group.terminate();
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
