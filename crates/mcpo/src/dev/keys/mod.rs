//! The keyboard, where `mcpo dev` has a terminal to itself.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod terminal;

use std::io;

use tokio::sync::mpsc;

use self::terminal::{Resumptions, Terminal, read_keys};
use super::{Stop, change::Change, desk::Desk, tools::Tools};
use crate::{
    error::{Failure, Outcome},
    ui::Ui,
};

/// Where claude.ai takes connectors.
const CONNECTORS: &str = "https://claude.ai/settings/connectors";
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
        let mut pressed = read_keys().map_err(|error| failed(&error))?;
        let mut resumed = Resumptions::listen().map_err(|error| failed(&error))?;
        loop {
            tokio::select! {
                () = stop.gently.cancelled() => return Ok(()),
                // The shell has set the terminal up for itself meanwhile.
                () = resumed.next() => terminal.set_up(),
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
