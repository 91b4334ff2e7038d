//! Job objects and console events.

use std::{
    io,
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

/// `CREATE_NEW_PROCESS_GROUP`: a console's Ctrl-C does not reach it.
/// <https://learn.microsoft.com/windows/win32/procthread/process-creation-flags>
const NEW_GROUP: u32 = 0x200;

/// Starts the command apart from the console, whose Ctrl-C is for us.
pub fn apart(command: &mut Command) -> &mut Command {
    command.creation_flags(NEW_GROUP)
}

/// A child and all that it starts: a job, which ends with the last handle to it, and so with us,
/// however we end.
#[derive(Debug)]
pub struct Group(Mutex<Option<Job>>);

impl Group {
    /// The group of a child that has just been started.
    pub fn of(child: &Child) -> Self {
        let job = child.raw_handle().and_then(|child| {
            let job = || -> Result<Job, JobError> {
                let mut limits = ExtendedLimitInfo::new();
                limits.limit_kill_on_job_close();
                let job = Job::create_with_limit_info(&limits)?;
                job.assign_process(child as isize)?;
                Ok(job)
            };
            // It may have ended already; otherwise the child alone is ended, by tokio.
            job().ok()
        });
        Self(Mutex::new(job))
    }

    /// Ends all of them: there is no asking here.
    pub fn terminate(&self) {
        self.kill();
    }

    /// Ends all of them.
    pub fn kill(&self) {
        let mut job = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(job.take());
    }
}

/// What tells this process to end.
pub struct Signals {
    interrupt: CtrlC,
    break_: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Signals {
    /// Listens from here on.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            break_: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.break_.recv() => Asked::Interrupt,
            _ = self.close.recv() => Asked::End,
            _ = self.shutdown.recv() => Asked::End,
        }
    }
}
