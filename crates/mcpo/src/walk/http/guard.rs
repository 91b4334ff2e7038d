//! Which addresses the probe may connect to.
//!
//! Metadata of a hostile server may point anywhere. Unless the target itself is on this machine or
//! in this network, private addresses are refused at every hop, after name resolution.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// How far the walk may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The target is public, so is everything it may name.
    Public,
    /// The target is on this machine or network: it may name its neighbours.
    Local,
}

/// An address that the target has no business naming.
#[derive(Debug)]
pub struct Blocked(String);

impl fmt::Display for Blocked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} is a private address, and the target is public",
            self.0
        )
    }
}

impl std::error::Error for Blocked {}

impl Reach {
    /// Decided once, by the address the user typed.
    pub async fn of(target: &Url, pinned: &[(String, IpAddr)]) -> std::io::Result<Self> {
        let port = target.port_or_known_default().unwrap_or(443);
        let addresses: Vec<IpAddr> = match target.host() {
            Some(Host::Ipv4(ip)) => vec![ip.into()],
            Some(Host::Ipv6(ip)) => vec![ip.into()],
            Some(Host::Domain(name)) if pinned.iter().any(|(host, _)| host == name) => {
                let own = pinned.iter().filter(|(host, _)| host == name);
                own.map(|(_, address)| *address).collect()
            }
            Some(Host::Domain(name)) => {
                let found = tokio::net::lookup_host((name, port)).await?;
                found.map(|address| address.ip()).collect()
            }
            None => Vec::new(),
        };
        // One public address among them makes a name public: a hostile one may well list both.
        if addresses.iter().any(|ip| is_public(*ip)) {
            Ok(Self::Public)
        } else {
            Ok(Self::Local)
        }
    }

    const fn allows(self, ip: IpAddr) -> bool {
        matches!(self, Self::Local) || is_public(ip)
    }

    /// Literal addresses never reach the resolver.
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

/// Looks names up and keeps the addresses within reach, so that what is checked is what is used.
impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (within, beyond): (Vec<_>, Vec<_>) = found
                .into_iter()
                .partition(|address| reach.allows(address.ip()));
            match beyond.first() {
                Some(address) if within.is_empty() => {
                    Err(Blocked(format!("{} ({})", name.as_str(), address.ip())).into())
                }
                _ => Ok(Box::new(within.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether the environment names a proxy for `url`.
pub fn has_proxy(url: &Url) -> bool {
    let names: &[&str] = match url.scheme() {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["http_proxy", "ALL_PROXY", "all_proxy"],
    };
    !is_loopback(url)
        && names
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether `url` may be used without TLS: only where nobody else can listen.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

const fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// The special-purpose blocks of RFC 6890, among them every cloud's metadata address.
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

/// Global unicast only, and no IPv4 address in disguise (mapped, NAT64, 6to4, Teredo).
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
    use super::{Reach, is_loopback};
    use url::Url;

    /// C14: whatever disguise a private address comes in.
    #[test]
    fn private_addresses_are_beyond_a_public_target() {
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
            assert!(Reach::Public.check(&url).is_err(), "{host}");
            assert!(Reach::Local.check(&url).is_ok(), "{host}");
        }
        for host in ["1.1.1.1", "[2606:4700::1111]", "example.com"] {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            assert!(Reach::Public.check(&url).is_ok(), "{host}");
        }
    }

    /// C13: plain http is for loopback.
    #[test]
    fn names_that_only_look_like_loopback_are_not() {
        let is = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(is("http://localhost:8080/mcp") && is("http://127.9.9.9/") && is("http://[::1]/"));
        assert!(!is("http://localhost.example.com/") && !is("http://127.0.0.1.example.com/"));
    }

    /// C14: what a name resolves to counts, not the name.
    #[tokio::test]
    async fn names_of_private_addresses_are_beyond_a_public_target() {
        use std::str::FromStr as _;

        use reqwest::dns::{Name, Resolve as _};

        let name = || Name::from_str("localhost").unwrap();
        let error = Reach::Public.resolve(name()).await.err().unwrap();
        assert!(error.to_string().contains("private address"), "{error}");
        assert!(Reach::Local.resolve(name()).await.unwrap().next().is_some());
    }

    #[tokio::test]
    async fn reach_follows_from_the_target() {
        let of = async |url: &str| Reach::of(&Url::parse(url).unwrap(), &[]).await.unwrap();
        assert_eq!(of("http://localhost:1/mcp").await, Reach::Local);
        assert_eq!(of("https://10.0.0.1/mcp").await, Reach::Local);
        assert_eq!(of("https://1.1.1.1/mcp").await, Reach::Public);
    }
}
