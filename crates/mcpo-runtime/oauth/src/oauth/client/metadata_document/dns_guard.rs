//! Refuses to connect to private addresses under a host name that an unknown client provided.
//!
//! The check is in the resolver, so mcpo connects to exactly the addresses that were checked. Every
//! address in a DNS response is checked, and one private address refuses the name.

#[cfg(test)]
use std::net::{IpAddr, Ipv4Addr};
use std::{io, net::SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::net::addresses::is_public;

/// The addresses that may be connected to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Addresses {
    Public,
    /// Tests serve their documents on loopback.
    #[cfg(test)]
    Any,
    /// The DNS response in a test. If all addresses are public, the connection goes to loopback.
    #[cfg(test)]
    Answered(&'static [IpAddr]),
}

/// Looks names up for the HTTP client and returns only addresses that it may connect to.
pub(super) struct GuardedResolver(pub(super) Addresses);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.0;
        Box::pin(async move {
            let found = look_up(name.as_str(), addresses).await?;
            let found = match addresses {
                Addresses::Public => public_only(found)?,
                #[cfg(test)]
                Addresses::Any => found,
                #[cfg(test)]
                Addresses::Answered(_) => {
                    public_only(found)?;
                    vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]
                }
            };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

async fn look_up(name: &str, addresses: Addresses) -> io::Result<Vec<SocketAddr>> {
    match addresses {
        #[cfg(test)]
        Addresses::Answered(answer) => {
            let answer = answer.iter().map(|address| SocketAddr::new(*address, 0));
            Ok(answer.collect())
        }
        _ => Ok(tokio::net::lookup_host((name, 0)).await?.collect()),
    }
}

/// Refuses all addresses if one of them is not public.
fn public_only(found: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    if found.iter().all(|address| is_public(address.ip())) {
        Ok(found)
    } else {
        Err(io::Error::other(
            "the name resolves to an address that is not public",
        ))
    }
}
