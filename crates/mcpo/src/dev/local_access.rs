//! Whether the base URL names this machine, so that only this machine is served.

use std::net::IpAddr;

use mcpo_common::project::Environment;
use url::{Host, Url};

/// Returns true if the server's base URL names this machine, which is the default.
pub fn has_local_base(environment: &Environment) -> bool {
    let base = environment.get("BASE_URL");
    base.is_none_or(|base| names_this_machine(&base))
}

/// Returns true if connections to `address` come from this machine only.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns true if the host of the URL is this machine. A URL that cannot be parsed does not count
/// as local.
fn names_this_machine(unverified_base: &str) -> bool {
    let Ok(url) = Url::parse(unverified_base) else {
        return false;
    };
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => is_loopback(address.into()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::names_this_machine;

    #[test]
    fn only_loopback_base_urls_name_this_machine() {
        for local in [
            "http://localhost:8080",
            "https://LOCALHOST",
            "http://127.0.0.1:1",
            "http://[::1]:8080",
        ] {
            assert!(names_this_machine(local), "{local}");
        }
        for other in [
            "https://example.com",
            "http://localhost.example",
            "http://0.0.0.0:8080",
            "http://192.168.1.5",
            "localhost",
            "",
        ] {
            assert!(!names_this_machine(other), "{other}");
        }
    }
}
