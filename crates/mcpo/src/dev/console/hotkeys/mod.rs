//! Handles the keyboard, if `mcpo dev` runs in a terminal.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod terminal;

use std::io;

use mcpo_common::{
    error::{Failure, Outcome},
    ui::Ui,
};
use tokio::sync::mpsc;

use self::terminal::{Resumptions, Terminal, read_keys};
use crate::dev::{channels::Channels, stop::Stop, tools::Tools, watch::change::Change};

/// The page on which claude.ai adds connectors.
const CONNECTORS: &str = "https://claude.ai/settings/connectors";
const HELP: &str = "r rebuild and restart, p probe, t list and try tools, l show or hide requests, \
                    c copy the URL, o open claude.ai's connectors, q quit";

/// The actor that reads the keyboard.
pub struct Hotkeys<'a> {
    pub channels: &'a Channels,
    pub changes: mpsc::Sender<Change>,
    /// The URL to type into a client.
    pub url: String,
    pub ui: &'a Ui,
}

impl Hotkeys<'_> {
    /// Handles keys until stopped. Without a keyboard it only waits.
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
                // The shell changed the terminal settings while mcpo was suspended.
                () = resumed.next() => terminal.set_up(),
                key = pressed.recv() => match key {
                    Some(key) => self.obey(key, stop).await,
                    // The terminal is gone. Losing the keyboard does not stop mcpo.
                    None => stop.gently.cancelled().await,
                },
            }
        }
    }

    async fn obey(&self, key: u8, stop: &Stop) {
        match key.to_ascii_lowercase() {
            b'r' => self.restart().await,
            b'p' => self.channels.probe_requested.notify_one(),
            b't' => match &*self.channels.tools.borrow() {
                Some(tools) => self
                    .ui
                    .step("Tools", tools.numbered().unwrap_or_else(|| "none".into())),
                None => self
                    .ui
                    .step("Tools", "no server has reported its tools yet"),
            },
            digit @ b'1'..=b'9' => self.try_tool(usize::from(digit - b'1')),
            b'l' => {
                let tells = !self.channels.shows_requests.get();
                self.channels.shows_requests.set(tells);
                let how = if tells { "are shown" } else { "are hidden" };
                self.ui.step("Requests", how);
            }
            b'c' => {
                self.ui.copy(&self.url);
                self.ui.step("Copied", &self.url);
            }
            b'o' => match webbrowser::open(CONNECTORS) {
                Ok(()) => self.ui.step("Opened", CONNECTORS),
                Err(error) => self.ui.warn(format_args!(
                    "failed to open a browser: {error}; open {CONNECTORS}"
                )),
            },
            b'q' => stop.gently.cancel(),
            b'?' | b'h' => self.ui.step("Keys", HELP),
            b'\r' | b'\n' => self.ui.say(""),
            _ => {}
        }
    }

    /// Calls the tool with this number, as claude.ai would.
    fn try_tool(&self, index: usize) {
        let tools = self.channels.tools.borrow();
        let names = tools.as_ref().map(Tools::names).unwrap_or_default();
        if let Some(name) = names.get(index) {
            self.ui.step("Trying", name);
            self.channels.tool_to_try.replace(Some((*name).to_owned()));
            self.channels.probe_requested.notify_one();
        }
    }

    async fn restart(&self) {
        // If the builder is gone, everything is stopping.
        let _ = self.changes.send(Change::start()).await;
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::new("failed to read the keyboard").because(error)
}
