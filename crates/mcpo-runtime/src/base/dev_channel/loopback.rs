//! The connection to a `mcpo dev` that cannot pass on a socket: datagrams on the loopback
//! interface. Each datagram starts with a key.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::OnceLock,
};

/// The address of the parent and the key, separated by a space.
const VARIABLE: &str = "MCPO_DEV_WIRE";

/// The server's end of the connection.
#[derive(Debug)]
pub(super) struct Wire {
    socket: UdpSocket,
    key: String,
}

static WIRE: OnceLock<Option<Wire>> = OnceLock::new();

/// Returns the connection of this process, if there is one.
pub(super) fn channel() -> Option<&'static Wire> {
    let open = || Wire::open(&std::env::var(VARIABLE).ok()?).ok();
    WIRE.get_or_init(open).as_ref()
}

impl Wire {
    fn open(told: &str) -> io::Result<Self> {
        let (address, key) = told.split_once(' ').ok_or(io::ErrorKind::InvalidInput)?;
        let address: SocketAddr = address.parse().map_err(io::Error::other)?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(address)?;
        // A suspended parent must not block its server.
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            key: key.to_owned(),
        })
    }

    /// Sends a message without blocking.
    pub(super) fn send(&self, said: &str) -> io::Result<()> {
        let datagram = format!("{}\n{said}", self.key);
        self.socket.send(datagram.as_bytes()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_with_the_key() {
        let parent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let told = format!("{} sesame", parent.local_addr().unwrap());
        Wire::open(&told).unwrap().send("READY=1").unwrap();
        let mut buffer = [0; 100];
        let length = parent.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"sesame\nREADY=1");
    }

    #[test]
    fn is_not_there_by_halves() {
        for told in ["", "127.0.0.1:1", "nowhere key"] {
            assert!(Wire::open(told).is_err(), "{told}");
        }
    }
}
