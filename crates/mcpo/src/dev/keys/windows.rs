//! A console as Windows has it.

use std::io::{self, IsTerminal as _};

use console::{Key, Term};
use tokio::sync::mpsc;

use crate::ui::Ui;

/// Nothing suspends a process here.
pub struct Resumptions;

impl Resumptions {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
    pub const fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// A thread of its own: a read from a console cannot be given up. It ends with the process.
pub fn read_keys() -> io::Result<mpsc::Receiver<u8>> {
    let (sender, keys) = mpsc::channel(16);
    let read = move || {
        let console = Term::stderr();
        loop {
            let key = match console.read_key() {
                Ok(Key::Char(key)) => u8::try_from(key).ok(),
                Ok(Key::Enter) => Some(b'\n'),
                Ok(_) => None,
                // Half of a character.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
                Err(_) => return,
            };
            if let Some(key) = key
                && sender.blocking_send(key).is_err()
            {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("keys".into())
        .spawn(read)?;
    Ok(keys)
}

/// The console, which gives single keys to whoever asks.
pub struct Terminal;

impl Terminal {
    /// Takes it, unless there is none.
    pub fn take(ui: &Ui) -> Option<Self> {
        (io::stdin().is_terminal() && ui.is_terminal()).then_some(Self)
    }

    #[expect(
        clippy::unused_self,
        reason = "elsewhere there is something to be set up"
    )]
    pub const fn set_up(&self) {}
}
