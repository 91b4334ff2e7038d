//! Job objects and console events.

use std::{
    io,
    process::ExitStatus,
    sync::{Mutex, PoisonError},
};

use tokio::{
    process::{Child, Command},
    signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
    },
};
use win32job::{ExtendedLimitInfo, Job, JobError};

use super::Asked;

/// `CREATE_NEW_PROCESS_GROUP`: Ctrl-C in the console does not reach the process.
/// <https://learn.microsoft.com/windows/win32/procthread/process-creation-flags>
const NEW_GROUP: u32 = 0x200;

/// Puts the command into a new process group, so that Ctrl-C in the console reaches only mcpo.
pub fn apart(command: &mut Command) -> &mut Command {
    command.creation_flags(NEW_GROUP)
}

/// A job with a child and all its descendants. It ends when the last handle to it closes, so it
/// ends together with this process in all cases.
#[derive(Debug)]
pub struct Group(Mutex<Option<Job>>);

impl Group {
    /// Returns the group of a child that has just been started.
    pub fn of(child: &Child) -> Self {
        let job = child.raw_handle().and_then(|child| {
            let job = || -> Result<Job, JobError> {
                let mut limits = ExtendedLimitInfo::new();
                limits.limit_kill_on_job_close();
                let job = Job::create_with_limit_info(&limits)?;
                job.assign_process(child as isize)?;
                Ok(job)
            };
            // The child may already have ended. If there is no job, tokio kills only the child
            // itself.
            job().ok()
        });
        Self(Mutex::new(job))
    }

    /// Kills all processes of the group, because Windows has no way to ask them to end.
    pub fn terminate(&self) {
        self.kill();
    }

    /// Waits until the leader has ended, and kills the rest of the group. Can be canceled.
    pub async fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let status = child.wait().await;
        self.kill();
        status
    }

    /// Kills all processes of the group.
    pub fn kill(&self) {
        let mut job = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(job.take());
    }
}

/// The console events that ask this process to end.
pub struct Signals {
    interrupt: CtrlC,
    break_: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Signals {
    /// Starts listening.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            break_: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// Waits for the next event.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.break_.recv() => Asked::Interrupt,
            _ = self.close.recv() => Asked::End,
            _ = self.shutdown.recv() => Asked::End,
        }
    }
}
