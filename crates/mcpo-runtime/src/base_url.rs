//! The public URLs of this server: its issuer, and the resource that tokens are made for.
//!
//! They never come from a request. A request's `Host` only picks one out of the closed list made
//! at start-up, because real clients compare `resource` and `issuer` with the URL that was typed
//! (RFC 9728 §3.3, RFC 8414 §3.3), and on loopback one server is typed in three ways.

use std::fmt;

use url::{Host, Url};

use crate::routes;

/// `https://my-service.example`: scheme, host and port, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    /// `host` or `host:port`, as a `Host` header carries it.
    authority: String,
    https: bool,
    loopback: bool,
    port: u16,
}

/// Why a text is no base URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
        let loopback = is_loopback(&host);
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

    /// The URL without a trailing slash: the issuer identifier of RFC 8414.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The resource identifier of RFC 9728: what a user types into a client.
    #[must_use]
    pub fn resource(&self) -> String {
        self.join(routes::MCP)
    }

    /// The absolute URL of `path`.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Whether browsers reach this server over TLS.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Every base URL this server answers to; the first one is the one it shows to people.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrls {
    urls: Vec<BaseUrl>,
}

impl BaseUrls {
    /// A public URL stands alone; a loopback one brings the other names of this machine with it.
    pub(crate) fn new(primary: BaseUrl) -> Self {
        let mut urls = vec![primary];
        if urls[0].loopback {
            let (scheme, port) = (if urls[0].https { "https" } else { "http" }, urls[0].port);
            for host in ["localhost", "127.0.0.1", "[::1]"] {
                let alias = BaseUrl::parse(&format!("{scheme}://{host}:{port}"));
                urls.extend(alias.ok().filter(|alias| *alias != urls[0]));
            }
        }
        Self { urls }
    }

    pub(crate) fn primary(&self) -> &BaseUrl {
        &self.urls[0]
    }

    /// The base URL whose authority a request's `Host` names, if it is one of ours.
    pub(crate) fn for_host(&self, unverified_host: &str) -> Option<&BaseUrl> {
        self.urls.iter().find(|url| {
            url.authority.eq_ignore_ascii_case(unverified_host)
                // A default port may be spelled out.
                || unverified_host
                    .strip_suffix(if url.https { ":443" } else { ":80" })
                    .is_some_and(|host| url.authority.eq_ignore_ascii_case(host))
        })
    }

    /// Our canonical name of the resource that `unverified_resource` means, if it is ours.
    ///
    /// Case of scheme and host, a spelled-out default port and a trailing slash do not matter
    /// (MCP authorization, canonical server URI); neither does a missing `/mcp`, which clients
    /// that know no resource metadata leave out.
    pub(crate) fn resource(&self, unverified_resource: &str) -> Option<String> {
        let url = Url::parse(unverified_resource).ok()?;
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return None;
        }
        let path = url.path().trim_end_matches('/');
        if !path.is_empty() && path != routes::MCP {
            return None;
        }
        let origin = url.origin().ascii_serialization();
        let found = self.urls.iter().find(|base| base.text == origin)?;
        Some(found.resource())
    }

    /// Whether `resource` is the canonical name of our resource, under one of our names.
    pub(crate) fn is_own_resource(&self, resource: &str) -> bool {
        let base = resource.strip_suffix(routes::MCP);
        base.is_some_and(|base| self.urls.iter().any(|url| url.text == base))
    }

    /// Whether a browser page at `unverified_origin` is one of our own.
    pub(crate) fn is_own_origin(&self, unverified_origin: &str) -> bool {
        self.urls
            .iter()
            .any(|base| base.text.eq_ignore_ascii_case(unverified_origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> BaseUrls {
        BaseUrls::new(BaseUrl::parse(text).unwrap())
    }

    #[test]
    fn as4_http_is_refused_off_loopback() {
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
    fn rs6_our_resource_has_one_name_for_each_of_ours() {
        let urls = urls("http://localhost:8080");
        for (resource, ours) in [
            ("http://localhost:8080/mcp", true),
            ("http://127.0.0.1:8080/mcp", true),
            ("http://localhost:8080", false),
            ("http://localhost:8080/mcp/", false),
            ("http://LOCALHOST:8080/mcp", false),
            ("http://localhost:8081/mcp", false),
            ("https://localhost:8080/mcp", false),
        ] {
            assert_eq!(urls.is_own_resource(resource), ours, "{resource}");
            let canonical = urls.resource(resource);
            assert_eq!(canonical.as_deref() == Some(resource), ours, "{resource}");
        }
    }

    #[test]
    fn as2_issuer_has_no_stray_slash() {
        assert_eq!(
            BaseUrl::parse("https://A.example:443/").unwrap().as_str(),
            "https://a.example"
        );
    }

    #[test]
    fn host_picks_only_known_urls() {
        let local = urls("http://localhost:8080");
        assert_eq!(
            local.for_host("127.0.0.1:8080").unwrap().as_str(),
            "http://127.0.0.1:8080"
        );
        assert_eq!(
            local.for_host("[::1]:8080").unwrap().as_str(),
            "http://[::1]:8080"
        );
        for foreign in [
            "localhost",
            "localhost:8081",
            "evil.example:8080",
            "",
            "localhost:8080.evil",
        ] {
            assert!(local.for_host(foreign).is_none(), "{foreign}");
        }
        let public = urls("https://a.example");
        assert!(public.for_host("A.example:443").is_some());
        assert!(public.for_host("localhost").is_none());
    }

    #[test]
    fn as16_resource_spellings() {
        let public = urls("https://a.example");
        for same in [
            "https://a.example/mcp",
            "HTTPS://A.Example/mcp/",
            "https://a.example:443/mcp",
            "https://a.example/",
            "https://a.example",
        ] {
            assert_eq!(
                public.resource(same).as_deref(),
                Some("https://a.example/mcp"),
                "{same}"
            );
        }
        for other in [
            "https://b.example/mcp",
            "http://a.example/mcp",
            "https://a.example/other",
            "https://a.example/mcp#x",
            "https://a.example/mcp?x",
            "https://u@a.example/mcp",
            "mcp",
        ] {
            assert_eq!(public.resource(other), None, "{other}");
        }
    }
}
