//! Which addresses are public, and which ones the probe may reach.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use url::{Host, Url};

/// Which addresses the probe may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkScope {
    /// The target is public, so everything it names must be public too.
    Public,
    /// The target is on this machine or network, so it may name private addresses.
    Local,
}

/// A private address that a public target named.
#[derive(Debug)]
pub struct Blocked(String);

impl fmt::Display for Blocked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} is a private address, but the target is public",
            self.0
        )
    }
}

impl std::error::Error for Blocked {}

impl Blocked {
    /// `address` may start with the name that leads to it.
    pub const fn new(address: String) -> Self {
        Self(address)
    }
}

impl NetworkScope {
    /// Returns true if the probe may connect to `ip`.
    pub const fn allows(self, ip: IpAddr) -> bool {
        matches!(self, Self::Local) || is_public(ip)
    }

    /// Checks a literal address, which never goes through the resolver.
    pub fn check(self, url: &Url) -> Result<(), Blocked> {
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::from(ip),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.allows(ip) {
            Ok(())
        } else {
            Err(Blocked(ip.to_string()))
        }
    }
}

/// Returns true if `url` may be used without TLS, because only this machine sees the traffic.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Returns true for an address of the public internet.
pub const fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// Returns false for the special-purpose blocks of RFC 6890, which include every cloud's metadata
/// address.
const fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || matches!(
            ip.octets(),
            [0 | 240..=255, ..] | [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18..=19, ..]
        );
    !special
}

/// Returns true for global unicast, without tunnels to IPv4 (NAT64, 6to4, Teredo). A mapped address
/// counts as its IPv4 address.
const fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [first, second, ..] = ip.segments();
    let global_unicast = first & 0xe000 == 0x2000;
    let tunnel = first == 0x2002 || (first == 0x2001 && second < 0x0200);
    let documentation = first == 0x2001 && second == 0x0db8;
    global_unicast && !tunnel && !documentation
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{NetworkScope, is_loopback};

    /// C14: in every notation, a private address is refused.
    #[test]
    fn private_addresses_are_refused_for_a_public_target() {
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "0.0.0.0",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[64:ff9b::a00:1]",
            "[2002:7f00:1::]",
        ] {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            assert!(NetworkScope::Public.check(&url).is_err(), "{host}");
            assert!(NetworkScope::Local.check(&url).is_ok(), "{host}");
        }
        for host in ["1.1.1.1", "[2606:4700::1111]", "example.com"] {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            assert!(NetworkScope::Public.check(&url).is_ok(), "{host}");
        }
    }

    /// C13: plain http is only for loopback.
    #[test]
    fn names_that_resemble_loopback_are_not_loopback() {
        let is = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(is("http://localhost:8080/mcp") && is("http://127.9.9.9/") && is("http://[::1]/"));
        assert!(!is("http://localhost.example.com/") && !is("http://127.0.0.1.example.com/"));
    }
}
