//! One public URL of this server: the issuer, and the base of the resource that tokens are issued
//! for.

use std::{fmt, str::FromStr};

use url::Url;

use super::paths;
use crate::net::addresses::is_loopback_host;

/// `https://my-service.example`: scheme, host and port, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    pub(super) text: String,
    /// `host` or `host:port`, as a `Host` header carries it.
    pub(super) authority: String,
    pub(super) https: bool,
    pub(super) loopback: bool,
    pub(super) port: u16,
}

/// Why a text is not a base URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// It does not parse as a URL with a host.
    #[error("not a URL")]
    NotAUrl,
    /// The scheme is neither http nor https.
    #[error("the scheme is {0}, not https")]
    Scheme(String),
    /// Plain http to a host that is not this machine (OAuth 2.1 §1.5).
    #[error("http is only for localhost, 127.0.0.1 and [::1]")]
    NotSecure,
    /// A path, query, fragment or user name; the server lives at the root of its host.
    #[error("only scheme, host and port are allowed, without {0}")]
    Extra(&'static str),
}

impl BaseUrl {
    /// Reads `https://host[:port]`, or http with a loopback host. A trailing slash is dropped.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| BaseUrlError::NotAUrl)?;
        let host = url.host().ok_or(BaseUrlError::NotAUrl)?;
        let loopback = is_loopback_host(&host);
        let https = match url.scheme() {
            "https" => true,
            "http" if loopback => false,
            "http" => return Err(BaseUrlError::NotSecure),
            other => return Err(BaseUrlError::Scheme(other.to_owned())),
        };
        let extra = [
            ("a path", url.path() != "/"),
            ("a query", url.query().is_some()),
            ("a fragment", url.fragment().is_some()),
            (
                "a user name",
                !url.username().is_empty() || url.password().is_some(),
            ),
        ];
        if let Some((what, _)) = extra.into_iter().find(|(_, found)| *found) {
            return Err(BaseUrlError::Extra(what));
        }
        let port = url.port_or_known_default().ok_or(BaseUrlError::NotAUrl)?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Ok(Self {
            text: format!("{}://{authority}", url.scheme()),
            authority,
            https,
            loopback,
            port,
        })
    }

    /// Returns the URL without a trailing slash: the issuer identifier of RFC 8414.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the resource identifier of RFC 9728, which users type into clients.
    #[must_use]
    pub fn resource(&self) -> String {
        self.join(paths::MCP)
    }

    /// Returns the absolute URL of `path`.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Returns true if browsers reach this server over TLS.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Returns true if only this machine can reach the URL.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as4_http_is_refused_except_on_loopback() {
        assert_eq!(
            BaseUrl::parse("http://example.com"),
            Err(BaseUrlError::NotSecure)
        );
        for good in [
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:1/",
            "https://a.example",
        ] {
            assert!(BaseUrl::parse(good).is_ok(), "{good}");
        }
        assert_eq!(
            BaseUrl::parse("ftp://a"),
            Err(BaseUrlError::Scheme("ftp".into()))
        );
        assert_eq!(
            BaseUrl::parse("https://a/mcp"),
            Err(BaseUrlError::Extra("a path"))
        );
        assert_eq!(BaseUrl::parse("a.example"), Err(BaseUrlError::NotAUrl));
    }

    #[test]
    fn as2_issuer_has_no_trailing_slash() {
        assert_eq!(
            BaseUrl::parse("https://A.example:443/").unwrap().as_str(),
            "https://a.example"
        );
    }
}
