//! Decides whether the name `localhost` leads to this server.
//!
//! `localhost` means 127.0.0.1 and `::1` (RFC 6761 §6.3), and clients choose between them:
//! many try `::1` first. So mcpo listens on both addresses. If another program already uses one of
//! them, the name could lead to that program, which would then receive passwords and authorization
//! codes.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _},
};

use mcpo_common::ui::Ui;
use socket2::SockRef;

use crate::dev::run::{port_owner, socket};

const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// The addresses behind the name `localhost`.
#[derive(Debug, Default)]
pub struct Localhost {
    /// A listener on the loopback address that the server's own socket does not cover.
    pub other: Option<TcpListener>,
    /// A loopback address on which another program listens.
    taken: Option<SocketAddr>,
    /// Whether the name leads to this server.
    is_ours: bool,
}

impl Localhost {
    /// Listens on the loopback addresses that `outer` does not cover. Does nothing if `outer`
    /// listens on an address that users do not call `localhost`.
    pub fn claim(outer: &TcpListener) -> io::Result<Self> {
        let bound = outer.local_addr()?;
        let covered = covered(outer, bound.ip())?;
        let mut localhost = Self {
            is_ours: !covered.is_empty() && is_loopback_name(bound.port()),
            ..Self::default()
        };
        if !localhost.is_ours {
            return Ok(localhost);
        }
        for address in LOOPBACK {
            if covered.contains(&address) {
                continue;
            }
            match socket::open(address, bound.port()) {
                Ok(listener) => localhost.other = Some(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    localhost.taken = Some(SocketAddr::new(address, bound.port()));
                    localhost.is_ours = false;
                }
                // This machine does not have the address, so clients try the next one.
                Err(_) => {}
            }
        }
        Ok(localhost)
    }

    /// Returns the host and port for a URL that leads to the server, which listens on `host`.
    pub fn authority(&self, host: IpAddr, port: u16) -> String {
        let shown = match host {
            IpAddr::V4(_) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            host => host,
        };
        if self.is_ours && LOOPBACK.contains(&shown) {
            format!("localhost:{port}")
        } else {
            SocketAddr::new(shown, port).to_string()
        }
    }

    /// Returns true if another program listens on one of the addresses.
    pub const fn is_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// Warns if another program listens on one of the addresses. `local` is the URL to use.
    pub fn warn(&self, ui: &Ui, local: &str) {
        let Some(taken) = self.taken else { return };
        let owner = port_owner::of_address(taken);
        let owner = owner.unwrap_or_else(|| "another program".to_owned());
        let port = taken.port();
        ui.warn(format_args!(
            "{owner} listens on {taken}, so localhost:{port} may lead to that program; use {local}, \
             or another port"
        ));
    }
}

/// Returns the loopback addresses whose connections `outer` accepts, if users can call it
/// `localhost`.
fn covered(outer: &TcpListener, bound: IpAddr) -> io::Result<Vec<IpAddr>> {
    let [v4, v6] = LOOPBACK;
    Ok(match bound {
        IpAddr::V4(address) if address.is_unspecified() || bound == v4 => vec![v4],
        IpAddr::V6(address) if address.is_unspecified() => {
            if SockRef::from(outer).only_v6()? {
                vec![v6]
            } else {
                vec![v4, v6]
            }
        }
        _ => Vec::new(),
    })
}

/// Returns true if this machine knows `localhost` as the name of loopback addresses only. If the
/// lookup fails, clients that work without a resolver still know the name.
fn is_loopback_name(port: u16) -> bool {
    let known = ("localhost", port).to_socket_addrs();
    known.map_or(true, |mut known| {
        known.all(|known| LOOPBACK.contains(&known.ip()))
    })
}
