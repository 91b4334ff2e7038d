//! Finds the name and the id of the process that listens on an address, as far as the system
//! reports them. The processes of other users are usually not visible.

use std::net::{IpAddr, SocketAddr};

use listeners::{Listener, Protocol, SocketState};
use mcpo_common::text::is_hidden;

/// Returns the process that prevents others from listening on `address`.
pub fn of_address(address: SocketAddr) -> Option<String> {
    let listeners = listeners::get_all().ok()?.into_iter();
    let owners = listeners.filter(|listener| {
        listener.protocol == Protocol::TCP
            && listener.state == SocketState::Listen
            && listener.process.pid != std::process::id()
            && listener.socket.port() == address.port()
            && overlap(listener.socket.ip(), address.ip())
    });
    // The lowest id is the parent of several processes with one socket.
    let owner = owners.min_by_key(|listener| listener.process.pid)?;
    Some(describe(&owner))
}

/// Returns true if only one process can listen on both addresses.
fn overlap(one: IpAddr, other: IpAddr) -> bool {
    let (one, other) = (one.to_canonical(), other.to_canonical());
    one == other || one.is_unspecified() || other.is_unspecified()
}

fn describe(listener: &Listener) -> String {
    let process = &listener.process;
    // A program chooses its own name, so hidden characters are removed.
    let name: String = process.name.chars().filter(|c| !is_hidden(*c)).collect();
    format!("{name} (process {})", process.pid)
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn an_unspecified_address_overlaps_with_all_others() {
        let overlap =
            |one: &str, other: &str| overlap(one.parse().unwrap(), other.parse().unwrap());
        assert!(overlap("127.0.0.1", "127.0.0.1"));
        assert!(overlap("::ffff:127.0.0.1", "127.0.0.1"));
        assert!(overlap("::", "127.0.0.1"));
        assert!(overlap("::1", "0.0.0.0"));
        assert!(!overlap("::1", "127.0.0.1"));
    }
}
