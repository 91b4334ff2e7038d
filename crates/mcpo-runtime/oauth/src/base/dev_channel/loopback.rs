//! The connection to a `mcpo dev` that cannot pass on a socket: datagrams on the loopback
//! interface. Each datagram starts with a key.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::OnceLock,
};

/// The address of the parent and the key, separated by a space.
const CHANNEL_VARIABLE: &str = "MCPO_DEV_WIRE";

/// The server's end of the connection.
#[derive(Debug)]
pub(super) struct LoopbackChannel {
    socket: UdpSocket,
    key: String,
}

static CHANNEL: OnceLock<Option<LoopbackChannel>> = OnceLock::new();

/// Returns the connection of this process, if there is one.
pub(super) fn channel() -> Option<&'static LoopbackChannel> {
    let open = || LoopbackChannel::open(&std::env::var(CHANNEL_VARIABLE).ok()?).ok();
    CHANNEL.get_or_init(open).as_ref()
}

impl LoopbackChannel {
    fn open(target: &str) -> io::Result<Self> {
        let (address, key) = target.split_once(' ').ok_or(io::ErrorKind::InvalidInput)?;
        let address: SocketAddr = address.parse().map_err(io::Error::other)?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(address)?;
        // On macOS, the limit of a datagram is 9 KiB otherwise. If this fails, only long ones are
        // lost.
        #[cfg(unix)]
        let _ =
            socket2::SockRef::from(&socket).set_send_buffer_size(super::sd_notify::SEND_BUFFER_LEN);
        // A suspended parent must not block its server.
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            key: key.to_owned(),
        })
    }

    /// Sends a message without blocking.
    pub(super) fn send(&self, message: &str) -> io::Result<()> {
        let datagram = format!("{}\n{message}", self.key);
        self.socket.send(datagram.as_bytes()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_starts_with_the_key() {
        let parent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let target = format!("{} sesame", parent.local_addr().unwrap());
        LoopbackChannel::open(&target)
            .unwrap()
            .send("READY=1")
            .unwrap();
        let mut buffer = [0; 100];
        let length = parent.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"sesame\nREADY=1");
    }

    #[test]
    fn incomplete_target_is_rejected() {
        for target in ["", "127.0.0.1:1", "nowhere key"] {
            assert!(LoopbackChannel::open(target).is_err(), "{target}");
        }
    }
}
