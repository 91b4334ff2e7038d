//! Decides which redirect URIs can be registered, and when a requested URI matches a registered
//! one.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::net::addresses::is_loopback_url;

/// The longest redirect URI that can be registered, in bytes.
const MAX_LEN: usize = 1024;

/// Schemes that do not lead to a program, or whose content a browser runs itself.
const REFUSED_SCHEMES: [&str; 16] = [
    "about",
    "blob",
    "cid",
    "content",
    "data",
    "file",
    "filesystem",
    "ftp",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// A redirect URI that a client has registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegisteredRedirectUri(String);

/// A redirect URI that belongs to the client of the request. Redirects accept no other type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RedirectUri {
    url: Url,
    /// The client's spelling: the parser may have normalized the URL.
    text: String,
}

/// Why a redirect URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectUriError {
    #[error("is not an absolute URI")]
    NotAUri,
    #[error("is longer than {MAX_LEN} characters")]
    TooLong,
    #[error("has a fragment, which RFC 6749 section 3.1.2 forbids")]
    Fragment,
    #[error("contains a user name")]
    UserInfo,
    #[error(
        "uses http with a host that is not loopback; use https, or http with localhost, 127.0.0.1 or [::1]"
    )]
    NotSecure,
    #[error("has an unsupported scheme")]
    Scheme,
}

impl RegisteredRedirectUri {
    /// Accepts https, http on loopback (RFC 8252 §7.3) and private-use schemes (§7.1).
    pub(crate) fn parse(unverified_uri: &str) -> Result<Self, RedirectUriError> {
        if unverified_uri.len() > MAX_LEN {
            return Err(RedirectUriError::TooLong);
        }
        // The parser would drop these silently, and then two different texts would be the same URI.
        if unverified_uri
            .bytes()
            .any(|byte| byte <= b' ' || byte >= 0x7F || matches!(byte, b'\\' | b'"' | b'<' | b'>'))
        {
            return Err(RedirectUriError::NotAUri);
        }
        let url = Url::parse(unverified_uri).map_err(|_| RedirectUriError::NotAUri)?;
        if url.fragment().is_some() {
            return Err(RedirectUriError::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectUriError::UserInfo);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback_url(&url) => {}
            "http" => return Err(RedirectUriError::NotSecure),
            scheme if REFUSED_SCHEMES.contains(&scheme) => return Err(RedirectUriError::Scheme),
            _ => {}
        }
        Ok(Self(unverified_uri.to_owned()))
    }

    /// Returns the requested URI if it has the same text or, on loopback, differs only in the port.
    fn verify(&self, unverified_uri: &str) -> Option<RedirectUri> {
        let same = self.0 == unverified_uri || self.matches_but_for_port(unverified_uri);
        let url = same.then(|| Url::parse(unverified_uri).ok()).flatten()?;
        Some(RedirectUri {
            url,
            text: unverified_uri.to_owned(),
        })
    }

    fn matches_but_for_port(&self, unverified_uri: &str) -> bool {
        // A URI that cannot be registered does not match a registered one.
        let Ok(requested) = Self::parse(unverified_uri) else {
            return false;
        };
        let (Ok(mut ours), Ok(mut theirs)) = (Url::parse(&self.0), Url::parse(&requested.0)) else {
            return false;
        };
        if ours.scheme() != "http" || !is_loopback_url(&ours) {
            return false;
        }
        ours.set_port(None).is_ok() && theirs.set_port(None).is_ok() && ours == theirs
    }
}

impl RedirectUri {
    /// Finds the requested URI among the registered ones. It may be omitted if only one is
    /// registered (RFC 6749 §3.1.2.3).
    pub(crate) fn verify(
        registered: &[RegisteredRedirectUri],
        unverified_uri: Option<&str>,
    ) -> Option<Self> {
        match (unverified_uri, registered) {
            (Some(requested), _) => registered.iter().find_map(|uri| uri.verify(requested)),
            (None, [only]) => only.verify(&only.0),
            (None, _) => None,
        }
    }

    /// Returns the URI with `parameters` added to its query.
    pub(crate) fn with_query<'a>(
        &self,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the target of the redirect for the consent page: the host, with its port if it is
    /// not the default one, or the scheme of an app. On loopback, the port identifies the program.
    pub(crate) fn destination(&self) -> String {
        match (self.url.host_str(), self.url.port()) {
            (Some(host), Some(port)) if self.is_web() => format!("{host}:{port}"),
            (Some(host), None) if self.is_web() => host.to_owned(),
            _ => format!("{}:", self.url.scheme()),
        }
    }

    /// Returns true if the browser stays on this machine, where any program may be listening.
    pub(crate) fn is_loopback(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// Returns true if the browser opens the URI itself and does not pass it to another program.
    pub(crate) fn is_web(&self) -> bool {
        matches!(self.url.scheme(), "http" | "https")
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(registered: &str, requested: &str) -> bool {
        let registered = RegisteredRedirectUri::parse(registered).unwrap();
        RedirectUri::verify(&[registered], Some(requested)).is_some()
    }

    #[test]
    fn as5_redirect_uris_of_real_clients_are_accepted() {
        for good in [
            "https://claude.ai/api/mcp/auth_callback",
            "http://localhost/callback",
            "http://127.0.0.1:33418/",
            "http://[::1]:1/x",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "com.example.app:/oauth",
        ] {
            assert!(RegisteredRedirectUri::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn as5_unsafe_redirect_uris_are_rejected() {
        use RedirectUriError as E;
        for (bad, error) in [
            ("http://example.com/cb", E::NotSecure),
            ("http://localhost.evil.example/cb", E::NotSecure),
            ("javascript:alert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
            ("https://a.example/cb#x", E::Fragment),
            ("https://a.example/cb#", E::Fragment),
            ("https://u@a.example/cb", E::UserInfo),
            ("/callback", E::NotAUri),
            ("https://a.example/ cb", E::NotAUri),
            ("https://a.example\\cb", E::NotAUri),
            ("java\tscript:alert(1)", E::NotAUri),
            ("", E::NotAUri),
        ] {
            assert_eq!(RegisteredRedirectUri::parse(bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn as5_match_is_exact_except_for_loopback_ports() {
        assert!(verified("https://a.example/cb", "https://a.example/cb"));
        assert!(verified(
            "http://localhost/callback",
            "http://localhost:5123/callback"
        ));
        assert!(verified("http://127.0.0.1:1/", "http://127.0.0.1:2/"));
        for (registered, requested) in [
            ("https://a.example/cb", "https://a.example/cb/"),
            ("https://a.example/cb", "https://a.example/cb?x=1"),
            ("https://a.example/cb", "https://A.example/cb"),
            ("https://a.example/cb", "https://a.example:444/cb"),
            ("https://a.example/cb", "https://a.example/CB"),
            ("https://a.example/cb", "https://a.example/x/../cb"),
            ("https://a.example/cb", "https://a.example.evil/cb"),
            ("http://localhost/cb", "http://127.0.0.1/cb"),
            ("http://localhost/cb", "http://localhost:1/cb2"),
            ("http://localhost/cb", "http://u@localhost:1/cb"),
            ("http://localhost/cb", "http://localhost:1/cb#x"),
            ("http://localhost/cb", "https://localhost:1/cb"),
            ("cursor://a/cb", "cursor://a:1/cb"),
        ] {
            assert!(!verified(registered, requested), "{requested}");
        }
    }

    #[test]
    fn redirect_uri_may_be_omitted_only_if_one_is_registered() {
        let one = RegisteredRedirectUri::parse("https://a.example/cb").unwrap();
        assert!(RedirectUri::verify(std::slice::from_ref(&one), None).is_some());
        assert!(RedirectUri::verify(&[one.clone(), one], None).is_none());
    }

    #[test]
    fn registered_query_is_kept() {
        let uri = RegisteredRedirectUri::parse("https://a.example/cb?x=1").unwrap();
        let uri = RedirectUri::verify(&[uri], None).unwrap();
        assert_eq!(
            uri.with_query([("code", "a b")]).as_str(),
            "https://a.example/cb?x=1&code=a+b"
        );
    }

    proptest::proptest! {
        /// Every accepted URI is a registered one, except for the port.
        #[test]
        fn as5_random_uris_match_only_registered_ones(
            registered in "(https?|cursor|javascript)://(localhost|127.0.0.1|a.example)(:[0-9]{1,5})?/[a-c./%?#@]{0,6}",
            requested in "(https?|cursor|javascript)://(localhost|127.0.0.1|a.example|a.example.evil)(:[0-9]{1,5})?/[a-c./%?#@]{0,6}|.{0,40}",
        ) {
            let Ok(uri) = RegisteredRedirectUri::parse(&registered) else {
                return Ok(());
            };
            if let Some(found) = RedirectUri::verify(&[uri], Some(&requested)) {
                let without_port = |text: &str| {
                    let mut url = Url::parse(text).unwrap();
                    let _ = url.set_port(None);
                    url
                };
                proptest::prop_assert!(
                    requested == registered
                        || (found.is_loopback()
                            && without_port(&requested) == without_port(&registered))
                );
                proptest::prop_assert!(found.url.scheme() != "javascript");
            }
        }
    }
}
