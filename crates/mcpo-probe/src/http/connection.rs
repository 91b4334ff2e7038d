//! How requests reach the server.

use std::net::IpAddr;

use reqwest::header::{HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use url::Url;

/// The user's changes to requests and connections.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Connection {
    /// Sent with every request to the target's own origin, and to no other origin.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Cookies that the user's browser already has, with their origins.
    pub cookies: Vec<(Url, String)>,
    /// Additional certificate authorities to trust.
    pub roots: Vec<CertificateDer<'static>>,
    /// Host names with the addresses to use instead of DNS.
    pub resolve: Vec<(String, IpAddr)>,
}
