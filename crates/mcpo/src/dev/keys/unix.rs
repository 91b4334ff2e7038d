//! A terminal as Unix has it.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

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

use crate::ui::Ui;

/// How often it is looked whether the terminal is ours again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Tells when this process goes on after it was suspended.
pub struct Resumptions(unix::Signal);

impl Resumptions {
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::from_raw(Signal::CONT.as_raw())).map(Self)
    }

    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// A thread of its own: a read from a terminal cannot be given up. It ends with the process.
pub fn read_keys() -> io::Result<mpsc::Receiver<u8>> {
    let (sender, keys) = mpsc::channel(16);
    let read = move || {
        let stdin = io::stdin();
        let pause = Timespec::try_from(LOOK_AGAIN).ok();
        let mut key = [0];
        loop {
            let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
            let there = poll(&mut wanted, pause.as_ref());
            // In the background the keys are somebody else's.
            if !is_foreground() {
                std::thread::sleep(LOOK_AGAIN);
                continue;
            }
            // An interruption, as by the signal that we go on, says nothing of a key.
            if matches!(there, Ok(0) | Err(rustix::io::Errno::INTR)) {
                continue;
            }
            // Not through the buffer of std: what is in there, `poll` knows nothing of.
            match rustix::io::read(&stdin, &mut key) {
                Ok(1) if sender.blocking_send(key[0]).is_ok() => {}
                Err(rustix::io::Errno::INTR) => {}
                // No key within the time that the terminal waits for one.
                Ok(0) if cfg!(target_os = "macos") => {}
                _ => return,
            }
        }
    };
    let thread = std::thread::Builder::new().name("keys".into());
    thread.spawn(read)?;
    Ok(keys)
}

/// Whether the terminal is ours now: to touch it from the background stops a process.
fn is_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// The terminal, which gives single keys as long as the value lives.
pub struct Terminal {
    before: Arc<Termios>,
}

impl Terminal {
    /// Takes it, unless it is somebody else's: another program's, or none at all.
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

    /// Keys come one by one and are not echoed; Ctrl-C and Ctrl-Z stay signals.
    pub fn set_up(&self) {
        if !is_foreground() {
            return;
        }
        let mut modes = (*self.before).clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        // There `poll` does not know terminals and returns at once (its manual, BUGS), so that it is
        // the read that must not wait for ever: for two tenths of a second.
        #[cfg(target_os = "macos")]
        {
            modes.special_codes[SpecialCodeIndex::VMIN] = 0;
            modes.special_codes[SpecialCodeIndex::VTIME] = 2;
        }
        // Without it keys come line by line: no reason to end.
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
