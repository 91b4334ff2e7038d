//! The listening socket. `mcpo dev` owns it, so that no connection is refused while the servers
//! change.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
};

use mcpo_common::error::{Failure, Outcome};
use socket2::{Domain, Protocol, Socket, Type};

use super::port_owner;

/// The number of connections that may wait while a server starts. The kernel may allow fewer.
const BACKLOG: i32 = 1024;
/// How many ports to try for a suggestion.
const SUGGESTIONS: u16 = 100;

/// Opens the server's socket. If the port is in use, the error suggests a free one.
pub fn listen(host: IpAddr, port: u16) -> Outcome<TcpListener> {
    open(host, port).map_err(|error| {
        let failure = Failure::new(format!(
            "failed to listen on {}",
            SocketAddr::new(host, port)
        ));
        match error.kind() {
            io::ErrorKind::AddrInUse => in_use(host, port),
            io::ErrorKind::PermissionDenied => failure
                .because(&error)
                .hint("ports below 1024 require administrator rights; use mcpo dev --port 8080"),
            io::ErrorKind::AddrNotAvailable => failure
                .because(&error)
                .hint("--host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0"),
            _ => failure.because(&error),
        }
    })
}

fn in_use(host: IpAddr, port: u16) -> Failure {
    let free = (1..=SUGGESTIONS)
        .filter_map(|step| port.checked_add(step))
        .find(|candidate| open(host, *candidate).is_ok());
    let holder = port_owner::of_address(SocketAddr::new(host, port))
        .unwrap_or_else(|| "another program".to_owned());
    let failure = Failure::new(format!("port {port} is taken by {holder}"));
    match free {
        Some(free) => failure.hint(format!("mcpo dev --port {free}")),
        None => failure.hint("mcpo dev --port 0 takes any free port"),
    }
}

/// Opens the socket.
pub fn open(host: IpAddr, port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::new(host, port);
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Without this option, a port counts as taken for about a minute after its last use. Windows
    // does not need it: there, the option would allow taking a port that another program listens
    // on.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    // Every server polls this socket. A server that loses the race for a connection must not block
    // in accept.
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
