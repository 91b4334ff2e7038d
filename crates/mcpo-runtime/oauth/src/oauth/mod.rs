//! The types of OAuth: the URLs and paths of this server, scopes, grants, clients and redirect
//! URIs. Requests are answered elsewhere.

pub mod authorization_server;
pub mod base_url;
pub(crate) mod base_urls;
pub mod client;
pub(crate) mod error;
pub(crate) mod fingerprint;
pub(crate) mod grant;
pub(crate) mod params;
pub mod paths;
pub(crate) mod pkce;
pub(crate) mod rate_limits;
pub(crate) mod redirect_uri;
pub mod scope;
