//! The keyboard, where `mcpo dev` has a terminal to itself.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, getpgrp},
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

#[cfg(target_os = "macos")]
use rustix::termios::SpecialCodeIndex;

use super::{Stop, change::Change, desk::Desk, tools::Tools};
use crate::{
    error::{Failure, Outcome},
    ui::Ui,
};

/// Where claude.ai takes connectors.
const CONNECTORS: &str = "https://claude.ai/settings/connectors";
/// How often it is looked whether the terminal is ours again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const HELP: &str = "r rebuild and restart, p probe, t tools and try one, l requests on or off, \
                    c copy the URL, o open claude.ai's connectors, q quit";

/// The actor at the keyboard.
pub struct Keys<'a> {
    pub desk: &'a Desk,
    pub changes: mpsc::Sender<Change>,
    /// What is to be typed into a client.
    pub url: String,
    pub ui: &'a Ui,
}

impl Keys<'_> {
    /// Obeys keys until stopped; at once done with where there is no keyboard.
    pub async fn run(self, stop: &Stop) -> Outcome<()> {
        let Some(terminal) = Terminal::take(self.ui) else {
            stop.gently.cancelled().await;
            return Ok(());
        };
        self.ui.step("Keys", HELP);
        let mut pressed = read_keys()?;
        let resumed = SignalKind::from_raw(Signal::CONT.as_raw());
        let mut resumed = signal(resumed).map_err(|error| failed(&error))?;
        loop {
            tokio::select! {
                () = stop.gently.cancelled() => return Ok(()),
                // The shell has set the terminal up for itself meanwhile.
                _ = resumed.recv() => terminal.set_up(),
                key = pressed.recv() => match key {
                    Some(key) => self.obey(key, stop).await,
                    // The terminal is gone; the end of that is not for us to decide.
                    None => stop.gently.cancelled().await,
                },
            }
        }
    }

    async fn obey(&self, key: u8, stop: &Stop) {
        match key.to_ascii_lowercase() {
            b'r' => self.restart().await,
            b'p' => self.desk.walk.notify_one(),
            b't' => match &*self.desk.tools.borrow() {
                Some(tools) => self.ui.step(
                    "Tools",
                    tools.numbered().unwrap_or_else(|| "there are none".into()),
                ),
                None => self.ui.step("Tools", "no server has named any yet"),
            },
            digit @ b'1'..=b'9' => self.try_tool(usize::from(digit - b'1')),
            b'l' => {
                let tells = !self.desk.tells_requests.get();
                self.desk.tells_requests.set(tells);
                let how = if tells {
                    "are shown"
                } else {
                    "are not shown any more"
                };
                self.ui.step("Requests", how);
            }
            b'c' => {
                self.ui.copy(&self.url);
                self.ui.step("Copied", &self.url);
            }
            b'o' => match webbrowser::open(CONNECTORS) {
                Ok(()) => self.ui.step("Opened", CONNECTORS),
                Err(error) => self
                    .ui
                    .warn(format_args!("no browser: {error}; it is {CONNECTORS}")),
            },
            b'q' => stop.gently.cancel(),
            b'?' | b'h' => self.ui.step("Keys", HELP),
            b'\r' | b'\n' => self.ui.say(""),
            _ => {}
        }
    }

    /// Calls the tool of this number, as claude.ai would.
    fn try_tool(&self, index: usize) {
        let tools = self.desk.tools.borrow();
        let names = tools.as_ref().map(Tools::names).unwrap_or_default();
        if let Some(name) = names.get(index) {
            self.ui.step("Trying", name);
            self.desk.tried.replace(Some((*name).to_owned()));
            self.desk.walk.notify_one();
        }
    }

    async fn restart(&self) {
        // Without a builder everything is stopping.
        let _ = self.changes.send(Change::start()).await;
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::new("failed to read the keyboard").because(error)
}

/// A thread of its own: a read from a terminal cannot be given up. It ends with the process.
fn read_keys() -> Outcome<mpsc::Receiver<u8>> {
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
    thread.spawn(read).map_err(|error| failed(&error))?;
    Ok(keys)
}

/// Whether the terminal is ours now: to touch it from the background stops a process.
fn is_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// The terminal, which gives single keys as long as the value lives.
struct Terminal {
    before: Arc<Termios>,
}

impl Terminal {
    /// Takes it, unless it is somebody else's: another program's, or none at all.
    fn take(ui: &Ui) -> Option<Self> {
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
    fn set_up(&self) {
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
