//! Where a request comes from, for the throttle. Never from a header that the caller can write.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::HeaderMap;

use crate::{app::App, throttle::Source};

/// The socket's peer. Behind Cloud Run every peer is Google's front end, which puts the address it
/// saw last in `X-Forwarded-For`; what stands before that came from the caller.
pub(crate) fn of(peer: Option<SocketAddr>, headers: &HeaderMap, app: &App) -> Source {
    let forwarded = app
        .behind_cloud_run
        .then(|| headers.get_all("x-forwarded-for").iter().next_back())
        .flatten()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .and_then(|address| address.trim().parse::<IpAddr>().ok());
    let address = forwarded
        .or_else(|| peer.map(|peer| peer.ip()))
        // Mounted in a router that does not say: everybody counts as one.
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Source::of(address)
}
