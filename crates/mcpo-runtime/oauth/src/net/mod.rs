//! The network, without OAuth: TLS, requests to other servers, addresses, and limits for sources of
//! requests.

pub(crate) mod addresses;
pub mod api_client;
pub mod body;
pub mod capacity;
pub mod client_ip;
pub(crate) mod http_client;
pub(crate) mod link_url;
pub mod listener;
pub(crate) mod rate_limit;
pub(crate) mod response_body;
pub mod throttle;
pub(crate) mod tls;
