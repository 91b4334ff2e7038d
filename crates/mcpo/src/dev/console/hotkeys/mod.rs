//! Reads the keyboard, if `mcpo dev` runs in a terminal.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod terminal;

use std::io;

use mcpo_common::{
    error::{Failure, Outcome},
    ui::Ui,
};
use tokio_util::sync::CancellationToken;

use self::terminal::{Resumptions, Terminal, read_keys};
use crate::dev::messages::event::{Event, EventSender, Key};

/// The actor that reads the keyboard.
pub struct Hotkeys<'a> {
    pub events: EventSender,
    pub ui: &'a Ui,
}

impl Hotkeys<'_> {
    /// Reports keys until stopped. Without a keyboard it only waits.
    pub async fn run(self, stop: &CancellationToken) -> Outcome<()> {
        let Some(terminal) = Terminal::take(self.ui) else {
            stop.cancelled().await;
            return Ok(());
        };
        self.events.send(Event::Pressed(Key::Help)).await;
        let mut pressed = read_keys().map_err(|error| failed(&error))?;
        let mut resumed = Resumptions::listen().map_err(|error| failed(&error))?;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                // The shell changed the terminal settings while mcpo was suspended.
                () = resumed.next() => terminal.set_up(),
                key = pressed.recv() => match key {
                    Some(key) => {
                        if let Some(key) = meaning(key) {
                            self.events.send(Event::Pressed(key)).await;
                        }
                    }
                    // The terminal is gone. Losing the keyboard does not stop mcpo.
                    None => stop.cancelled().await,
                },
            }
        }
    }
}

fn meaning(key: u8) -> Option<Key> {
    Some(match key.to_ascii_lowercase() {
        b'r' => Key::Rebuild,
        b'p' => Key::Probe,
        b't' => Key::ListTools,
        digit @ b'1'..=b'9' => Key::TryTool(usize::from(digit - b'1')),
        b'l' => Key::ToggleRequests,
        b'c' => Key::CopyUrl,
        b'o' => Key::OpenConnectors,
        b'q' => Key::Quit,
        b'?' | b'h' => Key::Help,
        b'\r' | b'\n' => Key::EmptyLine,
        _ => return None,
    })
}

fn failed(error: &io::Error) -> Failure {
    Failure::new("failed to read the keyboard").because(error)
}
