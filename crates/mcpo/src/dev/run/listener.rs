//! How connections reach the current server.

#[cfg(unix)]
use std::net::TcpListener;
use std::{io, net::SocketAddr, process::Command};

#[cfg(unix)]
use command_fds::{CommandFdExt as _, FdMapping};
use tokio::sync::watch;

/// Set this to forward connections even where the socket can be passed on, for example if a sandbox
/// closes the server's descriptors.
#[cfg(unix)]
const PROXY_VARIABLE: &str = "MCPO_DEV_LEAD";

/// The first file descriptor after the standard ones, where the sockets start in systemd's
/// convention.
#[cfg(unix)]
const FIRST_PASSED: i32 = 3;

/// The two ways to pass connections on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each server gets the listening socket.
    #[cfg(unix)]
    PassSocket,
    /// Each server opens its own listener, and mcpo forwards connections to it. For systems that
    /// cannot pass on a socket.
    Proxy,
}

impl Mode {
    /// Returns the way that this system uses.
    pub fn of_this_system() -> Self {
        #[cfg(unix)]
        if std::env::var_os(PROXY_VARIABLE).is_none_or(|value| value.is_empty() || value == "0") {
            return Self::PassSocket;
        }
        Self::Proxy
    }
}

/// The end of the connection path that faces the servers.
#[derive(Debug)]
pub enum Listener {
    /// The socket that each server gets.
    #[cfg(unix)]
    PassSocket(TcpListener),
    /// The public port, and the channel that announces the address of the current server.
    Proxy {
        port: u16,
        to: watch::Sender<Option<SocketAddr>>,
    },
}

impl Listener {
    pub const fn mode(&self) -> Mode {
        match self {
            #[cfg(unix)]
            Self::PassSocket(_) => Mode::PassSocket,
            Self::Proxy { .. } => Mode::Proxy,
        }
    }

    /// Forwards new connections to this address. Connections wait while it is `None`.
    pub fn proxy_to(&self, address: Option<SocketAddr>) {
        match self {
            #[cfg(unix)]
            Self::PassSocket(_) => {}
            Self::Proxy { to, .. } => {
                to.send_replace(address);
            }
        }
    }

    /// Sets the variables and descriptors through which a new server gets its connections.
    #[cfg_attr(
        not(unix),
        expect(
            clippy::unnecessary_wraps,
            reason = "on Unix a socket is passed on, which may fail"
        )
    )]
    pub fn show(&self, command: &mut Command) -> io::Result<()> {
        for handed_over in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] {
            command.env_remove(handed_over);
        }
        let port = match self {
            #[cfg(unix)]
            Self::PassSocket(listener) => {
                command
                    .env("LISTEN_FDS", "1")
                    .fd_mappings(vec![FdMapping {
                        parent_fd: listener.try_clone()?.into(),
                        child_fd: FIRST_PASSED,
                    }])
                    .map_err(io::Error::other)?;
                listener.local_addr()?.port()
            }
            Self::Proxy { port, .. } => *port,
        };
        command.env("PORT", port.to_string());
        Ok(())
    }
}
