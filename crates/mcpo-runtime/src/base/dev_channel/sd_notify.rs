//! The connection to the process that started this one.

use std::io;
#[cfg(unix)]
use std::{os::unix::net::UnixDatagram, sync::OnceLock};

use super::loopback;

/// Returns true if the parent listens.
pub(super) fn is_there() -> bool {
    #[cfg(unix)]
    if notify_socket().is_some() {
        return true;
    }
    loopback::channel().is_some()
}

/// Sends a message that may be lost.
pub(super) fn send_event(event: &str) {
    // A lost message does no harm.
    let _ = match loopback::channel() {
        Some(channel) => channel.send(event),
        #[cfg(unix)]
        None => notify_socket().map_or(Ok(()), |socket| socket.send(event.as_bytes()).map(drop)),
        #[cfg(not(unix))]
        None => Ok(()),
    };
}

/// Sends a message that must arrive.
pub(super) fn send(state: &str) -> io::Result<()> {
    if let Some(channel) = loopback::channel() {
        return channel.send(state);
    }
    #[cfg(unix)]
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET") {
        UnixDatagram::unbound()?.send_to(state.as_bytes(), path)?;
    }
    Ok(())
}

/// Returns the socket in the file system for messages that may be lost.
#[cfg(unix)]
fn notify_socket() -> Option<&'static UnixDatagram> {
    static SOCKET: OnceLock<Option<UnixDatagram>> = OnceLock::new();
    let connect = || {
        let path = std::env::var_os("NOTIFY_SOCKET")?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(path).ok()?;
        // A suspended parent must not block its server.
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    };
    SOCKET.get_or_init(connect).as_ref()
}
