//! Process groups and signals.

use std::io;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    signal::unix::{self, SignalKind, signal},
};

use super::Asked;

/// Starts the command apart from the terminal, whose Ctrl-C is for us, with all that it starts itself.
pub fn apart(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// The process group that a child leads.
#[derive(Debug)]
pub struct Group(Option<Pid>);

impl Group {
    /// The group of a child that was started [`apart`].
    pub fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Asks all of them to end.
    pub fn terminate(&self) {
        self.send(Signal::TERM);
    }

    /// Ends all of them.
    pub fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// Only while the leader has not been waited for: until then nobody else gets its number.
    fn send(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // It may have ended by itself meanwhile.
            let _ = kill_process_group(leader, signal);
        }
    }
}

/// What tells this process to end.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// Listens from here on.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::End,
            _ = self.hang_up.recv() => Asked::End,
        }
    }
}
