//! Reads keys from a terminal on Unix.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

use mcpo_common::ui::Ui;
#[cfg(target_os = "macos")]
use rustix::termios::SpecialCodeIndex;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, getpgrp},
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr},
};
use tokio::{
    signal::unix::{self, SignalKind, signal},
    sync::mpsc,
};

/// How often to check whether mcpo is in the foreground again.
const FOREGROUND_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Reports when this process resumes after it was suspended.
pub struct Resumptions(unix::Signal);

impl Resumptions {
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::from_raw(Signal::CONT.as_raw())).map(Self)
    }

    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Reads keys on a separate thread, because a read from a terminal cannot be cancelled. The thread
/// ends with the process.
pub fn read_keys() -> io::Result<mpsc::Receiver<u8>> {
    let (sender, keys) = mpsc::channel(16);
    let read = move || {
        let stdin = io::stdin();
        let pause = Timespec::try_from(FOREGROUND_CHECK_INTERVAL).ok();
        let mut key = [0];
        loop {
            let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
            let there = poll(&mut wanted, pause.as_ref());
            // In the background, the keys belong to another program.
            if !is_foreground() {
                std::thread::sleep(FOREGROUND_CHECK_INTERVAL);
                continue;
            }
            // An interrupted call, for example by SIGCONT, does not mean that there is a key.
            if matches!(there, Ok(0) | Err(rustix::io::Errno::INTR)) {
                continue;
            }
            // Do not use the buffer of std: `poll` does not see the bytes in it.
            match rustix::io::read(&stdin, &mut key) {
                Ok(1) if sender.blocking_send(key[0]).is_ok() => {}
                Err(rustix::io::Errno::INTR) => {}
                // No key arrived within VTIME.
                Ok(0) if cfg!(target_os = "macos") => {}
                _ => return,
            }
        }
    };
    let thread = std::thread::Builder::new().name("keys".into());
    thread.spawn(read)?;
    Ok(keys)
}

/// Returns true if mcpo is in the foreground. Changing the terminal from the background stops a
/// process.
fn is_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// The terminal, which delivers single keys until this value is dropped.
pub struct Terminal {
    before: Arc<Termios>,
}

impl Terminal {
    /// Takes over the terminal. Returns `None` if there is none or another program uses it.
    pub fn take(ui: &Ui) -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() || !ui.is_terminal() || !is_foreground() {
            return None;
        }
        let terminal = Self {
            before: Arc::new(tcgetattr(&stdin).ok()?),
        };
        terminal.set_up();
        Some(terminal)
    }

    /// Makes keys arrive one by one, without echo. Ctrl-C and Ctrl-Z still send signals.
    pub fn set_up(&self) {
        if !is_foreground() {
            return;
        }
        let mut modes = (*self.before).clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        // On macOS, `poll` does not support terminals and returns at once (its manual, BUGS). So
        // the read must not block: it waits for at most two tenths of a second.
        #[cfg(target_os = "macos")]
        {
            modes.special_codes[SpecialCodeIndex::VMIN] = 0;
            modes.special_codes[SpecialCodeIndex::VTIME] = 2;
        }
        // If this fails, keys arrive line by line, which is no reason to stop.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !is_foreground() {
            return;
        }
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
