//! Opens the socket that the server accepts connections on.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::base::{dev_channel, error::Error};

/// The number of connections that may wait to be accepted: enough for a burst while a process
/// starts.
const BACKLOG: u32 = 1024;

/// Listens on `address`, or on the socket that a parent process passed (`LISTEN_FDS`). If `mcpo dev`
/// cannot pass a socket, it forwards connections to any free port of this machine.
pub fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let failed = |source| Error::Listen { address, source };
    let handed_over = listenfd::ListenFd::from_env().take_tcp_listener(0);
    if let Some(listener) = handed_over.map_err(failed)? {
        listener.set_nonblocking(true).map_err(failed)?;
        return TcpListener::from_std(listener).map_err(failed);
    }
    let address = if dev_channel::is_proxied() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    } else {
        address
    };
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    };
    let socket = socket.map_err(failed)?;
    // On Windows this option would allow us to take a port that another process listens on.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)
}
