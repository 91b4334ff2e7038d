//! The connection to the process that started this one.

use std::io;
#[cfg(unix)]
use std::{os::unix::net::UnixDatagram, sync::OnceLock};

use super::loopback;

/// The size of the buffer for a datagram, in bytes.
#[cfg(unix)]
pub(super) const SEND_BUFFER_LEN: usize = 128 * 1024;

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
        unbound()?.send_to(state.as_bytes(), path)?;
    }
    Ok(())
}

/// Returns a socket that can send the longest report.
#[cfg(unix)]
fn unbound() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // On macOS, a datagram is limited to 2 KiB otherwise. If this fails, only long ones are lost.
    let _ = socket2::SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER_LEN);
    Ok(socket)
}

/// Returns the socket in the file system for messages that may be lost.
#[cfg(unix)]
fn notify_socket() -> Option<&'static UnixDatagram> {
    static SOCKET: OnceLock<Option<UnixDatagram>> = OnceLock::new();
    let connect = || {
        let path = std::env::var_os("NOTIFY_SOCKET")?;
        let socket = unbound().ok()?;
        socket.connect(path).ok()?;
        // A suspended parent must not block its server.
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    };
    SOCKET.get_or_init(connect).as_ref()
}

#[cfg(all(test, unix))]
mod tests {
    use super::{SEND_BUFFER_LEN, unbound};

    #[test]
    fn a_socket_can_send_the_longest_report() {
        let socket = unbound().unwrap();
        let size = socket2::SockRef::from(&socket).send_buffer_size().unwrap();
        // Linux reports twice the size that was set (socket(7)).
        let factor = if cfg!(target_os = "linux") { 2 } else { 1 };
        assert!(size >= SEND_BUFFER_LEN * factor, "{size}");
    }
}
