//! Reads the keyboard, if `mcpo dev` runs in a terminal.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod terminal;

use std::io;

use mcpo_common::{
    error::{Failure, Outcome},
    ui::Ui,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::terminal::{Resumptions, Terminal, read_keys};
use super::line_editor::{Edited, LineEditor};
use crate::dev::messages::{
    command::Line,
    event::{Event, EventSender, Key},
};

/// The actor that reads the keyboard.
pub struct Hotkeys<'a> {
    pub lines: mpsc::UnboundedReceiver<Line>,
    pub events: EventSender,
    pub ui: &'a Ui,
}

impl Hotkeys<'_> {
    /// Reports keys until stopped. Without a keyboard it only waits.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        let Some(terminal) = Terminal::take(self.ui) else {
            stop.cancelled().await;
            return Ok(());
        };
        self.events.send(Event::KeyboardReady).await;
        let mut editor: Option<LineEditor> = None;
        let mut pressed = read_keys().map_err(|error| failed(&error))?;
        let mut resumed = Resumptions::listen().map_err(|error| failed(&error))?;
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.ui.set_status("", 0);
                    return Ok(());
                }
                Some(line) = self.lines.recv() => {
                    let begun = LineEditor::new(line);
                    begun.draw(self.ui);
                    editor = Some(begun);
                }
                // The shell changed the terminal settings while mcpo was suspended.
                () = resumed.next() => terminal.set_up(),
                key = pressed.recv() => match key {
                    Some(key) => self.follow(key, &mut editor).await,
                    // The terminal is gone. Losing the keyboard does not stop mcpo.
                    None => stop.cancelled().await,
                },
            }
        }
    }
}

impl Hotkeys<'_> {
    /// Passes the key to the line that is being edited, or reports its meaning.
    async fn follow(&self, key: u8, editor: &mut Option<LineEditor>) {
        let Some(open) = editor else {
            if let Some(key) = meaning(key) {
                self.events.send(Event::Pressed(key)).await;
            }
            return;
        };
        let typed = match open.press(key) {
            Edited::Continues => {
                open.draw(self.ui);
                return;
            }
            Edited::Entered(text) => Some(text),
            Edited::Cancelled => None,
        };
        let shown = open.shown();
        *editor = None;
        self.ui.set_status("", 0);
        self.ui.say(shown);
        self.events.send(Event::Typed(typed)).await;
    }
}

fn meaning(key: u8) -> Option<Key> {
    Some(match key.to_ascii_lowercase() {
        b'r' => Key::Rebuild,
        b'p' => Key::Probe,
        b't' => Key::ListTools,
        digit @ b'1'..=b'9' => Key::TryTool(usize::from(digit - b'1')),
        b'l' => Key::ToggleRequests,
        b'u' => Key::OpenView,
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
