//! How connections get to the server of the moment.

#[cfg(unix)]
use std::net::TcpListener;
use std::{io, net::SocketAddr, process::Command};

#[cfg(unix)]
use command_fds::{CommandFdExt as _, FdMapping};
use tokio::sync::watch;

/// Set by whoever wants connections to be led also where the socket could be handed over: a server
/// in a sandbox that takes its descriptors away, for one.
#[cfg(unix)]
const LEAD: &str = "MCPO_DEV_LEAD";

/// The first file descriptor after the standard ones, where systemd's convention begins.
#[cfg(unix)]
const FIRST_PASSED: i32 = 3;

/// The two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each server gets the listening socket itself.
    #[cfg(unix)]
    HandOver,
    /// Each server listens for itself, and we lead connections to it: for systems that cannot hand
    /// over a socket.
    Lead,
}

impl Way {
    /// The one that is to be gone here.
    pub fn of_this_system() -> Self {
        #[cfg(unix)]
        if std::env::var_os(LEAD).is_none_or(|value| value.is_empty() || value == "0") {
            return Self::HandOver;
        }
        Self::Lead
    }
}

/// The inner end of where connections come in.
#[derive(Debug)]
pub enum Door {
    /// The socket that each server gets.
    #[cfg(unix)]
    HandOver(TcpListener),
    /// The port that people know, and the word where the server of the moment is.
    Lead {
        port: u16,
        to: watch::Sender<Option<SocketAddr>>,
    },
}

impl Door {
    pub const fn way(&self) -> Way {
        match self {
            #[cfg(unix)]
            Self::HandOver(_) => Way::HandOver,
            Self::Lead { .. } => Way::Lead,
        }
    }

    /// New connections are for the server at this address, or wait while there is none.
    pub fn lead_to(&self, address: Option<SocketAddr>) {
        match self {
            #[cfg(unix)]
            Self::HandOver(_) => {}
            Self::Lead { to, .. } => {
                to.send_replace(address);
            }
        }
    }

    /// Tells a server that is about to start by which way it gets connections.
    #[cfg_attr(
        not(unix),
        expect(
            clippy::unnecessary_wraps,
            reason = "elsewhere a socket is handed over, which may fail"
        )
    )]
    pub fn show(&self, command: &mut Command) -> io::Result<()> {
        for handed_over in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] {
            command.env_remove(handed_over);
        }
        let port = match self {
            #[cfg(unix)]
            Self::HandOver(listener) => {
                command
                    .env("LISTEN_FDS", "1")
                    .fd_mappings(vec![FdMapping {
                        parent_fd: listener.try_clone()?.into(),
                        child_fd: FIRST_PASSED,
                    }])
                    .map_err(io::Error::other)?;
                listener.local_addr()?.port()
            }
            Self::Lead { port, .. } => *port,
        };
        command.env("PORT", port.to_string());
        Ok(())
    }
}
