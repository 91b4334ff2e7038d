//! Restricts which addresses the probe may connect to.
//!
//! The metadata of a hostile server may point anywhere. Unless the target itself is on this machine
//! or in this network, private addresses are refused at every hop. The check applies to the
//! addresses that a connection uses: the target's name is resolved once for the whole probe, every
//! other name when a connection is made. The connection gets only the addresses that were checked,
//! so a name that changes its answer (DNS rebinding) has no effect.
//!
//! A proxy resolves names itself. It then decides which addresses are reached, and the report says
//! so.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::{
    network_scope::{Blocked, NetworkScope, is_loopback, is_public},
    proxy::proxies,
};

/// Resolves host names.
pub trait Lookup: Send + Sync {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The network scope of the probe, and the addresses of the target's name for the whole probe.
#[derive(Clone)]
pub struct Guard {
    scope: NetworkScope,
    target: Option<(String, Vec<IpAddr>)>,
    lookup: Arc<dyn Lookup>,
    /// The proxies of the environment: the user named them, so they may be private.
    proxies: Vec<String>,
}

impl Guard {
    /// Decides by the address the user typed, and keeps the addresses of its name.
    pub async fn of(target: &Url, pinned: &[(String, IpAddr)]) -> io::Result<Self> {
        Self::with_lookup(target, pinned, Arc::new(SystemLookup)).await
    }

    async fn with_lookup(
        target: &Url,
        pinned: &[(String, IpAddr)],
        lookup: Arc<dyn Lookup>,
    ) -> io::Result<Self> {
        let mut name = None;
        let addresses: Vec<IpAddr> = match target.host() {
            Some(Host::Ipv4(ip)) => vec![ip.into()],
            Some(Host::Ipv6(ip)) => vec![ip.into()],
            Some(Host::Domain(host)) if pinned.iter().any(|(known, _)| known == host) => {
                let own = pinned.iter().filter(|(known, _)| known == host);
                own.map(|(_, address)| *address).collect()
            }
            Some(Host::Domain(host)) => {
                name = Some(host.to_owned());
                lookup.lookup(host).await?
            }
            None => Vec::new(),
        };
        // One public address makes a name public: a hostile name may list both kinds.
        let scope = if addresses.iter().any(|ip| is_public(*ip)) {
            NetworkScope::Public
        } else {
            NetworkScope::Local
        };
        Ok(Self {
            scope,
            target: name.map(|name| (name, addresses)),
            lookup,
            proxies: if is_loopback(target) {
                Vec::new()
            } else {
                proxies()
            },
        })
    }

    /// Returns a guard for a target whose name only the proxy can resolve.
    pub fn behind_proxy() -> Self {
        Self {
            scope: NetworkScope::Public,
            target: None,
            lookup: Arc::new(SystemLookup),
            proxies: proxies(),
        }
    }

    pub const fn scope(&self) -> NetworkScope {
        self.scope
    }

    /// Returns the addresses that a connection to `name` may use.
    async fn addresses(
        &self,
        name: &str,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = match &self.target {
            Some((target, addresses)) if target == name => addresses.clone(),
            _ => self.lookup.lookup(name).await?,
        };
        if self.proxies.iter().any(|proxy| proxy == name) {
            return Ok(found);
        }
        let (within, beyond): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|ip| self.scope.allows(*ip));
        match beyond.first() {
            Some(ip) if within.is_empty() => Err(Blocked::new(format!("{name} ({ip})")).into()),
            _ => Ok(within),
        }
    }
}

/// Gives a connection only the addresses that were checked.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.addresses(name.as_str()).await?;
            // The port of the URL is used, not this one.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{HashMap, VecDeque},
        io,
        net::IpAddr,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use futures_util::future::BoxFuture;
    use url::Url;

    use super::{Guard, Lookup, NetworkScope};

    /// C14: the resolved address counts, not the name.
    #[tokio::test]
    async fn names_of_private_addresses_are_refused_for_a_public_target() {
        let names = Names::new(&[
            ("evil.example", &["192.88.99.1"]),
            ("inside.example", &["10.0.0.1"]),
        ]);
        let guard = guard("https://evil.example/mcp", &names).await;
        let error = guard.addresses("inside.example").await.unwrap_err();
        assert!(error.to_string().contains("private address"), "{error}");
    }

    /// C14: a name with both kinds of address is public, and only its public addresses are used.
    #[tokio::test]
    async fn name_with_public_and_private_addresses_is_public() {
        let both = "192.88.99.1 127.0.0.1";
        let names = Names::new(&[("evil.example", &[both, both])]);
        let guard = guard("https://evil.example/mcp", &names).await;
        assert_eq!(guard.scope(), NetworkScope::Public);
        let used = guard.addresses("evil.example").await.unwrap();
        assert_eq!(used, [IpAddr::from([192, 88, 99, 1])]);
    }

    #[tokio::test]
    async fn scope_is_determined_by_the_target() {
        let of = async |url: &str| {
            Guard::of(&Url::parse(url).unwrap(), &[])
                .await
                .unwrap()
                .scope()
        };
        assert_eq!(of("http://localhost:1/mcp").await, NetworkScope::Local);
        assert_eq!(of("https://10.0.0.1/mcp").await, NetworkScope::Local);
        assert_eq!(of("https://1.1.1.1/mcp").await, NetworkScope::Public);
    }

    /// A resolver whose answers change: each lookup of a name returns the next one.
    struct Names {
        answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    }

    impl Names {
        fn new(names: &[(&str, &[&str])]) -> Arc<Self> {
            let answers = names.iter().map(|(name, answers)| {
                let answers = answers.iter().map(|answer| {
                    let addresses = answer.split(' ').map(|ip| ip.parse().unwrap());
                    addresses.collect()
                });
                ((*name).to_owned(), answers.collect())
            });
            Arc::new(Self {
                answers: Mutex::new(answers.collect()),
            })
        }
    }

    impl Lookup for Names {
        fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            let mut answers = self.answers.lock().unwrap();
            let answer = answers.get_mut(name).and_then(VecDeque::pop_front);
            Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
        }
    }

    async fn guard(target: &str, names: &Arc<Names>) -> Guard {
        let target = Url::parse(target).unwrap();
        let lookup = Arc::clone(names) as Arc<dyn Lookup>;
        Guard::with_lookup(&target, &[], lookup).await.unwrap()
    }

    /// Connects as the probe does, and returns the number of connections to each listener.
    async fn connections(
        guard: Guard,
        name: &str,
        listeners: &[&std::net::TcpListener],
    ) -> Vec<usize> {
        let port = listeners[0].local_addr().unwrap().port();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(crate::http::tls::bare_config().unwrap())
            .dns_resolver(Arc::new(guard))
            .timeout(Duration::from_millis(500))
            .build()
            .unwrap();
        let _ = client.get(format!("http://{name}:{port}/")).send().await;
        let count = |listener: &&std::net::TcpListener| {
            listener.set_nonblocking(true).unwrap();
            listener.incoming().take_while(Result::is_ok).count()
        };
        listeners.iter().map(count).collect()
    }

    fn listener(ip: &str, port: u16) -> std::net::TcpListener {
        std::net::TcpListener::bind((ip, port)).unwrap()
    }

    /// C14: public when the name is classified, this machine when it is used.
    #[tokio::test]
    async fn name_that_rebinds_to_loopback_gets_no_connection() {
        let here = listener("127.0.0.1", 0);
        for (name, names) in [
            // The target itself.
            (
                "evil.example",
                Names::new(&[("evil.example", &["192.88.99.1", "127.0.0.1"])]),
            ),
            // A hop of the probe: each connection resolves it again.
            (
                "hop.example",
                Names::new(&[
                    ("evil.example", &["192.88.99.1"]),
                    ("hop.example", &["127.0.0.1"]),
                ]),
            ),
        ] {
            let guard = guard("https://evil.example/mcp", &names).await;
            assert_eq!(guard.scope(), NetworkScope::Public);
            assert_eq!(connections(guard, name, &[&here]).await, [0], "{name}");
        }
    }

    /// C14: private when the name is classified, so it may name neighbors, and elsewhere when it is
    /// used.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn private_name_that_rebinds_keeps_its_first_address() {
        let before = listener("127.0.0.1", 0);
        let after = listener("127.0.0.2", before.local_addr().unwrap().port());
        let names = Names::new(&[("evil.example", &["127.0.0.1", "127.0.0.2", "127.0.0.2"])]);
        let guard = guard("https://evil.example/mcp", &names).await;
        assert_eq!(guard.scope(), NetworkScope::Local);
        let counts = connections(guard, "evil.example", &[&before, &after]).await;
        assert_eq!(counts, [1, 0]);
    }
}
