//! Other programs: whether there are any, and processes that are to end together.

use std::env;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The process group that a child leads, apart from the terminal's, whose Ctrl-C is for us.
#[derive(Clone, Copy, Debug)]
pub struct Group(Option<Pid>);

impl Group {
    /// The group of a child that was started with `process_group(0)`.
    pub fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Asks all of them to end.
    pub fn terminate(self) {
        self.send(Signal::TERM);
    }

    /// Ends all of them.
    pub fn kill(self) {
        self.send(Signal::KILL);
    }

    /// Only while the leader has not been waited for: until then nobody else gets its number.
    fn send(self, signal: Signal) {
        if let Some(leader) = self.0 {
            // It may have ended by itself meanwhile.
            let _ = kill_process_group(leader, signal);
        }
    }
}

/// Whether a program of this name is on the path.
pub fn has_program(name: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|folder| folder.join(name).is_file())
}
