//! Reads keys from a console on Windows.

use std::io::{self, IsTerminal as _};

use console::{Key, Term};
use mcpo_common::ui::Ui;
use tokio::sync::mpsc;

/// Never reports anything, because processes are not suspended on Windows.
pub struct Resumptions;

impl Resumptions {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    pub const fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Reads keys on a separate thread, because a read from a console cannot be cancelled. The thread
/// ends with the process.
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

/// The console, which delivers single keys without any setup.
pub struct Terminal;

impl Terminal {
    /// Returns the console, or `None` if there is none.
    pub fn take(ui: &Ui) -> Option<Self> {
        (io::stdin().is_terminal() && ui.is_terminal()).then_some(Self)
    }

    #[expect(clippy::unused_self, reason = "a Unix terminal needs to be set up")]
    pub const fn set_up(&self) {}
}
