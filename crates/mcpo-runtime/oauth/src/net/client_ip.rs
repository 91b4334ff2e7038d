//! Determines the client's address: the peer of the socket, or the address that a trusted proxy
//! reports.
//!
//! Each proxy appends the address of its caller to the list in `X-Forwarded-For`, so only the end
//! of the list, written by trusted proxies, is reliable. The list is read from its end. The first
//! address that does not belong to a trusted proxy is the client.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Once,
};

use http::{HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::throttle::Source;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The longest chain of proxies that is followed.
const MAX_HOPS: usize = 32;

/// The proxies whose `X-Forwarded-For` is trusted. The default trusts none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// Every peer is Google's front end.
    cloud_run: bool,
}

/// An entry of a list of trusted proxies that is neither a network nor a known name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address, a network such as 10.0.0.0/8, `loopback` or `cloud-run`")]
pub struct TrustedProxiesError(String);

/// Returns true if a connection from `peer` carries requests of other clients.
#[must_use]
pub fn trusts_peer(proxies: &TrustedProxies, peer: IpAddr) -> bool {
    proxies.trusts_peer(peer)
}

impl TrustedProxies {
    /// Parses a comma-separated list: addresses, networks in CIDR notation (RFC 4632), `loopback`
    /// for proxies on this machine, and `cloud-run` for servers that only Google's front end can
    /// reach.
    pub fn parse(text: &str) -> Result<Self, TrustedProxiesError> {
        let mut proxies = Self::default();
        let entries = text.split(',').map(str::trim);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            match entry {
                "cloud-run" => proxies.cloud_run = true,
                "loopback" => proxies.networks.extend(loopback()),
                entry => {
                    let address = entry.parse::<IpAddr>().map(IpNet::from);
                    let network = address.or_else(|_| entry.parse::<IpNet>());
                    let unusable = |_| TrustedProxiesError(entry.to_owned());
                    proxies.networks.push(network.map_err(unusable)?);
                }
            }
        }
        Ok(proxies)
    }

    /// Trusts the front end of Cloud Run, which is the peer of every connection there.
    #[must_use]
    pub fn cloud_run() -> Self {
        Self {
            networks: Vec::new(),
            cloud_run: true,
        }
    }

    /// Returns true if a connection from `peer` carries requests of other clients.
    pub(crate) fn trusts_peer(&self, peer: IpAddr) -> bool {
        self.cloud_run || self.contains(peer)
    }

    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Returns the address of the client for which `peer` forwards a request, or of `peer` itself.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts_peer(client) {
            return client;
        }
        let lists = headers.get_all(&FORWARDED_FOR).iter().rev();
        let entries = lists.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        for entry in entries.take(MAX_HOPS) {
            // An invalid entry hides the entries before it.
            let Some(address) = address_of(entry) else {
                return client;
            };
            client = address;
            if !self.contains(address) {
                return client;
            }
        }
        client
    }
}

impl FromStr for TrustedProxies {
    type Err = TrustedProxiesError;

    fn from_str(text: &str) -> Result<Self, TrustedProxiesError> {
        Self::parse(text)
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cloud_run = self.cloud_run.then(|| "cloud-run".to_owned());
        let networks = self.networks.iter().map(ToString::to_string);
        let entries: Vec<_> = cloud_run.into_iter().chain(networks).collect();
        formatter.write_str(&entries.join(","))
    }
}

fn loopback() -> [IpNet; 2] {
    const V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    const V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);
    [IpNet::V4(V4), IpNet::V6(V6)]
}

/// Warns once if a proxy forwards requests without being trusted: all clients then share one
/// address.
fn warn_of_untrusted_proxy(peer: IpAddr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            %peer,
            "X-Forwarded-For is ignored because its sender is not a trusted proxy; if it is your \
             proxy, set MCPO_TRUSTED_PROXIES"
        );
    });
}

/// Parses an entry of the list. Some proxies also write the port.
fn address_of(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse::<IpAddr>().ok();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || {
        let inner = entry.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<IpAddr>().ok()
    };
    let address = address.or_else(with_port).or_else(in_brackets)?;
    Some(address.to_canonical())
}

/// The origin of a request, as an argument of a handler.
#[derive(Clone, Copy, Debug)]
pub struct ClientIp {
    address: IpAddr,
    origin: Origin,
}

/// What is known about the origin of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// The request comes from this machine or from the trusted proxy itself: the bridge of a
    /// container network represents the machine that runs the container.
    Local,
    Remote,
    /// The router is mounted in a server that does not provide the address.
    Unknown,
}

impl ClientIp {
    /// Finds the address of the client in a request from `peer`.
    #[must_use]
    pub fn of(peer: Option<SocketAddr>, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let Some(peer) = peer.map(|peer| peer.ip().to_canonical()) else {
            // All clients share one address.
            return Self {
                address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                origin: Origin::Unknown,
            };
        };
        if headers.contains_key(&FORWARDED_FOR) && !proxies.trusts_peer(peer) {
            warn_of_untrusted_proxy(peer);
        }
        let address = proxies.client(peer, headers);
        let is_near = peer.is_loopback() || proxies.trusts_peer(peer);
        let origin = if is_near && (address.is_loopback() || address == peer) {
            Origin::Local
        } else {
            Origin::Remote
        };
        Self { address, origin }
    }

    /// Returns the source that the limits count.
    #[must_use]
    pub fn source(self) -> Source {
        Source::of(self.address)
    }

    /// Returns true if the request certainly comes from another machine.
    pub(crate) fn is_remote(self) -> bool {
        self.origin == Origin::Remote
    }

    /// Returns true if the server that mounts the router does not provide addresses.
    pub(crate) fn is_unknown(self) -> bool {
        self.origin == Origin::Unknown
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(&FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted = TrustedProxies::parse(trusted).unwrap();
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn as21_only_addresses_added_by_trusted_proxies_are_used() {
        for (trusted, peer, forwarded, expected) in [
            // Without trusted proxies, the client itself wrote the header.
            ("", "203.0.113.7", &["198.51.100.1"][..], "203.0.113.7"),
            ("", "127.0.0.1", &["198.51.100.1"], "127.0.0.1"),
            // nginx, Caddy or cloudflared on this machine append the address of the client.
            ("loopback", "127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("loopback", "::1", &["198.51.100.1"], "198.51.100.1"),
            (
                "loopback",
                "127.0.0.1",
                &["6.6.6.6, 198.51.100.1"],
                "198.51.100.1",
            ),
            (
                "loopback",
                "127.0.0.1",
                &["6.6.6.6", "198.51.100.1"],
                "198.51.100.1",
            ),
            ("loopback", "127.0.0.1", &[], "127.0.0.1"),
            ("loopback", "203.0.113.7", &["198.51.100.1"], "203.0.113.7"),
            // Two proxies in a row: the list contains the inner one.
            (
                "10.0.0.0/8",
                "10.0.0.2",
                &["6.6.6.6, 198.51.100.1, 10.0.0.1"],
                "198.51.100.1",
            ),
            ("10.0.0.1", "10.0.0.2", &["198.51.100.1"], "10.0.0.2"),
            // Fly appends the address of the app itself.
            (
                "172.16.0.0/12,66.241.124.9",
                "172.16.9.2",
                &["198.51.100.1, 66.241.124.9"],
                "198.51.100.1",
            ),
            // Cloud Run appends the address that called Google's front end, which can be a load
            // balancer.
            (
                "cloud-run",
                "169.254.169.126",
                &["6.6.6.6, 198.51.100.1"],
                "198.51.100.1",
            ),
            (
                "cloud-run",
                "169.254.169.126",
                &["6.6.6.6,198.51.100.1,34.1.2.3"],
                "34.1.2.3",
            ),
            (
                "cloud-run,34.1.2.3",
                "169.254.169.126",
                &["6.6.6.6,198.51.100.1,34.1.2.3"],
                "198.51.100.1",
            ),
            // An invalid entry hides the rest.
            (
                "loopback",
                "127.0.0.1",
                &["198.51.100.1, unknown"],
                "127.0.0.1",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.2",
                &["198.51.100.1, nonsense, 10.0.0.1"],
                "10.0.0.1",
            ),
            // Different spellings of addresses.
            (
                "loopback",
                "::ffff:127.0.0.1",
                &["[2001:db8::1]:443"],
                "2001:db8::1",
            ),
            (
                "loopback",
                "127.0.0.1",
                &["198.51.100.1:1234"],
                "198.51.100.1",
            ),
            (
                "loopback",
                "127.0.0.1",
                &["::ffff:198.51.100.1"],
                "198.51.100.1",
            ),
        ] {
            let found = client(trusted, peer, forwarded);
            assert_eq!(found, expected, "{trusted} {peer} {forwarded:?}");
        }
    }

    #[test]
    fn invalid_proxy_list_is_rejected_with_the_invalid_entry() {
        let list = TrustedProxies::parse("10.0.0.0/8, fdaa::/16,cloud-run").unwrap();
        assert_eq!(list.to_string(), "cloud-run,10.0.0.0/8,fdaa::/16");
        assert_eq!(
            TrustedProxies::parse("").unwrap(),
            TrustedProxies::default()
        );
        for bad in ["10.0.0.0/33", "nginx", "10.0.0.", "*"] {
            let error = TrustedProxies::parse(&format!("10.0.0.1,{bad}")).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
