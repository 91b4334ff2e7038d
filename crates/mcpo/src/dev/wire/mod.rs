//! What servers tell, in systemd's form (`sd_notify(3)`): one datagram, one or more lines.

mod loopback;
#[cfg(unix)]
mod named;

use std::{ffi::OsString, io};

use self::loopback::Loopback;
#[cfg(unix)]
use self::named::Named;
use super::door::Way;

#[cfg(unix)]
pub use self::named::clean_up;

/// The names of some thousand tools; the rest is cut off.
const LONGEST: usize = 64 * 1024;

/// Our end of the wire to one server.
#[derive(Debug)]
pub enum Wire {
    #[cfg(unix)]
    Named(Named),
    Loopback(Loopback),
}

impl Wire {
    /// A new one. A socket in the file system is what systemd has, and no other user can write to it;
    /// where there is none, it is one on the loopback interface.
    pub fn open(way: Way) -> io::Result<Self> {
        match way {
            #[cfg(unix)]
            Way::HandOver => Named::open().map(Self::Named),
            Way::Lead => Loopback::open().map(Self::Loopback),
        }
    }

    /// The variable that tells a server of it.
    pub fn variable(&self) -> (&'static str, OsString) {
        match self {
            #[cfg(unix)]
            Self::Named(named) => named.variable(),
            Self::Loopback(loopback) => loopback.variable(),
        }
    }

    /// Waits for a datagram.
    pub async fn hear(&self) -> io::Result<String> {
        let mut buffer = vec![0; LONGEST];
        let said = match self {
            #[cfg(unix)]
            Self::Named(named) => named.hear(&mut buffer).await?,
            Self::Loopback(loopback) => loopback.hear(&mut buffer).await?,
        };
        Ok(String::from_utf8_lossy(said).into_owned())
    }
}
