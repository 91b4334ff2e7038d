//! Who may use the page: a browser on this machine that knows the token in the URL.

use std::net::SocketAddr;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, Uri, header};
use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};
use sha2::{Digest as _, Sha256};

/// The address of the page and its token.
#[derive(Clone, Debug)]
pub struct Access {
    address: SocketAddr,
    token: Secret,
}

impl Access {
    /// Generates a token for the page at `address`.
    pub fn generate(address: SocketAddr) -> Outcome<Self> {
        let mut token = [0; 32];
        getrandom::fill(&mut token)
            .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
        Ok(Self {
            address,
            token: Secret::new(BASE64_URL_SAFE_NO_PAD.encode(token)),
        })
    }

    /// Returns the URL of the page.
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.address, self.token.expose())
    }

    /// Returns the part of the path after the token, if the request may be answered.
    ///
    /// Any site could send requests to this address, also under a name of its own that resolves to
    /// it (DNS rebinding). So the `Host` must be the address, and the origin that of the page.
    pub fn path<'u>(&self, uri: &'u Uri, headers: &HeaderMap) -> Option<&'u str> {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        if host != self.address.to_string() {
            return None;
        }
        if let Some(origin) = headers.get(header::ORIGIN)
            && origin.to_str().ok()? != format!("http://{}", self.address)
        {
            return None;
        }
        let (token, rest) = uri.path().strip_prefix('/')?.split_once('/')?;
        // Digests are compared, so that the time does not reveal how much of the token is correct.
        let is_known = Sha256::digest(token) == Sha256::digest(self.token.expose());
        is_known.then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(access: &Access, uri: &str, headers: &[(header::HeaderName, &str)]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| {
            let value = value.parse().unwrap();
            (name.clone(), value)
        });
        let uri: Uri = uri.parse().unwrap();
        access.path(&uri, &headers.collect()).map(str::to_owned)
    }

    #[test]
    fn only_requests_with_the_token_the_host_and_the_origin_are_answered() {
        let access = Access::generate("127.0.0.1:9".parse().unwrap()).unwrap();
        let base = access.url().replace("http://127.0.0.1:9", "");
        let (host, origin) = (header::HOST, header::ORIGIN);
        let good = (host.clone(), "127.0.0.1:9");
        let events = format!("{base}events");
        for (uri, headers, expected) in [
            (&*base, vec![good.clone()], Some("")),
            (&*events, vec![good.clone()], Some("events")),
            (
                &*events,
                vec![good.clone(), (origin.clone(), "http://127.0.0.1:9")],
                Some("events"),
            ),
            (
                &*events,
                vec![good.clone(), (origin, "http://evil.example")],
                None,
            ),
            (&*events, vec![(host.clone(), "evil.example:9")], None),
            (&*events, vec![(host, "localhost:9")], None),
            (&*events, vec![], None),
            ("/wrong/events", vec![good.clone()], None),
            ("/", vec![good.clone()], None),
            ("//events", vec![good], None),
        ] {
            let found = path(&access, uri, &headers);
            assert_eq!(found.as_deref(), expected, "{uri} {headers:?}");
        }
    }
}
