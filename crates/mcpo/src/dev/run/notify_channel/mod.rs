//! Receives the servers' reports in systemd's format (`sd_notify(3)`): one datagram with one or
//! more lines.

mod loopback;
#[cfg(unix)]
mod named;

use std::{ffi::OsString, io};

use self::loopback::Loopback;
#[cfg(unix)]
use self::named::Named;
use super::listener::Mode;

#[cfg(unix)]
pub use self::named::clean_up;

/// Enough for the names of about a thousand tools. The rest is cut off.
const MAX_DATAGRAM: usize = 64 * 1024;

/// The size of the buffer for datagrams, in bytes. On macOS, it is 4 KiB otherwise.
const RECEIVE_BUFFER: usize = 128 * 1024;

/// The receiving end for the reports of one server.
#[derive(Debug)]
pub enum NotifyChannel {
    #[cfg(unix)]
    Named(Named),
    Loopback(Loopback),
}

impl NotifyChannel {
    /// Opens a receiver. Like systemd, it uses a socket in the file system, which no other user can
    /// write to. Where that is not possible, it uses a UDP socket on the loopback interface.
    pub fn open(mode: Mode) -> io::Result<Self> {
        match mode {
            #[cfg(unix)]
            Mode::PassSocket => Named::open().map(Self::Named),
            Mode::Proxy => Loopback::open().map(Self::Loopback),
        }
    }

    /// Returns the environment variable that announces the socket to the server.
    pub fn variable(&self) -> (&'static str, OsString) {
        match self {
            #[cfg(unix)]
            Self::Named(named) => named.variable(),
            Self::Loopback(loopback) => loopback.variable(),
        }
    }

    /// Waits for a datagram.
    pub async fn hear(&self) -> io::Result<String> {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let said = match self {
            #[cfg(unix)]
            Self::Named(named) => named.hear(&mut buffer).await?,
            Self::Loopback(loopback) => loopback.hear(&mut buffer).await?,
        };
        Ok(String::from_utf8_lossy(said).into_owned())
    }
}
