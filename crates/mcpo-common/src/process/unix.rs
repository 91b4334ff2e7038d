//! Process groups and signals.

use std::{io, process::ExitStatus, time::Duration};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use tokio::{
    process::{Child, Command},
    signal::unix::{self, SignalKind, signal},
};

use super::Asked;

/// How often a group looks whether its leader has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Puts the command and its children into a new process group, so that Ctrl-C in the terminal
/// reaches only mcpo.
pub fn apart(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// The process group of a child.
#[derive(Debug)]
pub struct Group(Option<Pid>);

impl Group {
    /// Returns the group of a child that was started with [`apart`].
    pub fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Asks all processes of the group to end.
    pub fn terminate(&self) {
        self.send(Signal::TERM);
    }

    /// Kills all processes of the group.
    pub fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// Waits until the leader has ended, and kills the rest of the group. Can be canceled.
    pub async fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        while !self.has_leader_ended() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        self.kill();
        child.wait().await
    }

    /// Returns true if the leader has ended. It stays a zombie, so that its id is not reused.
    fn has_leader_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match self.0.map(|leader| waitid(WaitId::Pid(leader), options)) {
            Some(Ok(None) | Err(Errno::INTR)) => false,
            // If there is an error, the leader has already been waited for.
            Some(Ok(Some(_)) | Err(_)) | None => true,
        }
    }

    /// Sends a signal. Must be called before the leader is waited for: until then its process id is
    /// not reused.
    fn send(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // The group may already have ended.
            let _ = kill_process_group(leader, signal);
        }
    }
}

/// The signals that ask this process to end.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// Starts listening.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::End,
            _ = self.hang_up.recv() => Asked::End,
        }
    }
}
