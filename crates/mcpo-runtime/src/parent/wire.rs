//! The wire to whoever started this process.

use std::io;
#[cfg(unix)]
use std::{os::unix::net::UnixDatagram, sync::OnceLock};

use super::loopback;

/// Whether anybody listens.
pub(super) fn is_there() -> bool {
    #[cfg(unix)]
    if named().is_some() {
        return true;
    }
    loopback::wire().is_some()
}

/// Tells something that nobody needs to hear.
pub(super) fn send(notice: &str) {
    // Whoever does not hear it misses some.
    let _ = match loopback::wire() {
        Some(wire) => wire.send(notice),
        #[cfg(unix)]
        None => named().map_or(Ok(()), |socket| socket.send(notice.as_bytes()).map(drop)),
        #[cfg(not(unix))]
        None => Ok(()),
    };
}

/// Tells something that has to arrive.
pub(super) fn say(state: &str) -> io::Result<()> {
    if let Some(wire) = loopback::wire() {
        return wire.send(state);
    }
    #[cfg(unix)]
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET") {
        UnixDatagram::unbound()?.send_to(state.as_bytes(), path)?;
    }
    Ok(())
}

/// The socket in the file system, for what nobody needs to hear.
#[cfg(unix)]
fn named() -> Option<&'static UnixDatagram> {
    static SOCKET: OnceLock<Option<UnixDatagram>> = OnceLock::new();
    let connect = || {
        let path = std::env::var_os("NOTIFY_SOCKET")?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(path).ok()?;
        // A parent that is suspended must not suspend its server.
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    };
    SOCKET.get_or_init(connect).as_ref()
}
