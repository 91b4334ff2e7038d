//! A UDP socket on the loopback interface. Every program on this machine can write to it, so each
//! datagram must begin with a key that only the server knows.

use std::{
    ffi::OsString,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use socket2::SockRef;
use tokio::net::UdpSocket;

use super::RECEIVE_BUFFER;

/// The address, a space, and the key.
const VARIABLE: &str = "MCPO_DEV_WIRE";

/// The socket and its key.
#[derive(Debug)]
pub struct Loopback {
    socket: UdpSocket,
    address: SocketAddr,
    key: String,
}

impl Loopback {
    pub fn open() -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        // If this fails, only long reports are lost.
        let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self {
            address: socket.local_addr()?,
            socket: UdpSocket::from_std(socket)?,
            key: BASE64_URL_SAFE_NO_PAD.encode(key),
        })
    }

    pub fn variable(&self) -> (&'static str, OsString) {
        (VARIABLE, format!("{} {}", self.address, self.key).into())
    }

    pub async fn hear<'b>(&self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        // In two steps, for the borrow checker.
        let (begin, end) = loop {
            let length = self.socket.recv(buffer).await?;
            let key = buffer[..length].iter().position(|byte| *byte == b'\n');
            match key {
                Some(key) if self.opens(&buffer[..key]) => break (key + 1, length),
                _ => {}
            }
        };
        Ok(&buffer[begin..end])
    }

    /// Compares digests, so that the time does not reveal how much of the key is correct.
    fn opens(&self, key: &[u8]) -> bool {
        Sha256::digest(key) == Sha256::digest(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_datagrams_with_the_key_are_read() {
        let notify_channel = Loopback::open().unwrap();
        let (_, variable) = notify_channel.variable();
        let (address, key) = variable.to_str().unwrap().split_once(' ').unwrap();
        let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        for said in [
            "READY=1".to_owned(),
            "wrong\nREADY=1".to_owned(),
            format!("{key}x\nREADY=1"),
            format!("{key}\nREADY=1\nX_MORE=2"),
        ] {
            other.send_to(said.as_bytes(), address).await.unwrap();
        }
        let mut buffer = vec![0; 100];
        let heard = notify_channel.hear(&mut buffer).await.unwrap();
        assert_eq!(heard, b"READY=1\nX_MORE=2");
    }
}
