//! The server that is probed: the address of an endpoint, or the command of a local server.

use std::{borrow::Cow, fmt};

use mcpo_common::error::{Failure, Outcome};
use url::Url;

use crate::{http::is_loopback, redact::Secrets, stdio::ServerCommand};

/// The server that is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A server over HTTP, at the URL of its MCP endpoint.
    Url(Url),
    /// A local server over stdio, which the probe starts.
    Command(ServerCommand),
}

impl Target {
    /// Returns the URL or the command for a report, without secrets.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Url(url) => shown_url(url),
            Self::Command(command) => command.as_str().into(),
        }
    }

    /// Returns the URL of a server over HTTP.
    #[must_use]
    pub const fn url(&self) -> Option<&Url> {
        match self {
            Self::Url(url) => Some(url),
            Self::Command(_) => None,
        }
    }

    /// Returns true if the server runs on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.url().is_none_or(is_loopback)
    }
}

impl From<Url> for Target {
    fn from(url: Url) -> Self {
        Self::Url(url)
    }
}

impl From<ServerCommand> for Target {
    fn from(command: ServerCommand) -> Self {
        Self::Command(command)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown())
    }
}

/// Returns `url` for a report: without the keys that some servers take in the query.
pub fn shown_url(url: &Url) -> Cow<'_, str> {
    match url.query() {
        Some(_) => Secrets::default().url(url).into(),
        None => url.as_str().into(),
    }
}

/// Parses the address as clients use it: with a scheme, without a fragment or user info.
pub fn parse_target(text: &str) -> Outcome<Url> {
    let failure = || Failure::new(format!("failed to read {text:?} as an address"));
    let hint = match with_scheme(text) {
        Some(url) => format!("mcpo probe {url}"),
        None => {
            "type the whole address, for example: mcpo probe https://example.com/mcp".to_owned()
        }
    };
    let url = Url::parse(text).map_err(|error| failure().because(&error).hint(&hint))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(failure().hint(hint));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(failure().hint("leave out the user name: MCP clients send a bearer token"));
    }
    if url.fragment().is_some() {
        return Err(failure().hint("leave out the part after #: it is never sent (RFC 8707 §2)"));
    }
    Ok(url)
}

/// Returns the address if `text` is one without a scheme: http on this machine, otherwise https.
fn with_scheme(text: &str) -> Option<Url> {
    if text.contains("://") {
        return None;
    }
    let mut url = Url::parse(&format!("http://{text}")).ok()?;
    let is_name = |host: &str| host == "localhost" || host.contains(['.', ':']);
    url.host_str().filter(|host| is_name(host))?;
    if !is_loopback(&url) {
        // Both schemes are special, so this cannot fail.
        url.set_scheme("https").ok()?;
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::{Target, parse_target, with_scheme};

    #[test]
    fn reports_show_addresses_without_keys() {
        let shown = |url: &str| Target::Url(parse_target(url).unwrap()).to_string();
        assert_eq!(
            shown("https://example.com/mcp?apiKey=0123456789&a=b"),
            "https://example.com/mcp?apiKey=<apiKey: 10 characters>&a=b"
        );
        assert_eq!(
            shown("https://example.com/mcp?key=abc"),
            "https://example.com/mcp?key=<key: 3 characters>"
        );
        assert_eq!(
            shown("https://example.com/mcp?a=b"),
            "https://example.com/mcp?a=b"
        );
    }

    #[test]
    fn an_address_without_a_scheme_is_completed_in_the_hint() {
        for (text, hint) in [
            (
                "localhost:18522/mcp",
                "mcpo probe http://localhost:18522/mcp",
            ),
            ("127.0.0.1:8000/mcp", "mcpo probe http://127.0.0.1:8000/mcp"),
            ("[::1]:8000/mcp", "mcpo probe http://[::1]:8000/mcp"),
            ("example.com/mcp", "mcpo probe https://example.com/mcp"),
            (
                "example.com:8443/mcp",
                "mcpo probe https://example.com:8443/mcp",
            ),
        ] {
            let failure = parse_target(text).unwrap_err();
            assert_eq!(failure.hint_text(), Some(hint), "{text}");
        }
        for other in ["ftp://example.com", "mcp", "mailto:me", ""] {
            assert_eq!(with_scheme(other), None, "{other}");
        }
    }
}
