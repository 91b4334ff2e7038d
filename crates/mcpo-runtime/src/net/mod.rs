//! The network, without OAuth: TLS, requests to other servers, addresses, and limits for sources of
//! requests.

pub(crate) mod addresses;
pub(crate) mod api_client;
pub(crate) mod body;
pub(crate) mod client_ip;
pub(crate) mod http_client;
pub(crate) mod link_url;
pub(crate) mod rate_limit;
pub(crate) mod throttle;
pub(crate) mod tls;
