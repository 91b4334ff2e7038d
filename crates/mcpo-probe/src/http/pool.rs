//! The reqwest clients of an [`HttpClient`](super::HttpClient): one pair without TLS and one with
//! TLS, created on first use.

use std::{cell::OnceCell, net::SocketAddr, rc::Rc, sync::Arc};

use reqwest::{Client, cookie::Jar, redirect::Policy};
use rustls::ClientConfig;
use url::Url;

use super::{error::RequestError, guard::Guard, network_scope::is_loopback, tls};
use crate::http::Connection;

/// The sender of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The OAuth part of the client: has no cookies.
    OAuth,
    /// The MCP part of the client: has no cookies.
    Mcp,
    /// The user's browser: keeps cookies.
    Browser,
}

struct Pair {
    client: Client,
    browser: Client,
}

/// Clients by scheme. Reading a machine's root certificates takes longer than a whole probe on
/// loopback, so it is delayed until a request needs them.
pub struct Pool {
    guard: Guard,
    /// Whether the proxies of the environment may be used: they cannot reach this machine.
    proxied: bool,
    connection: Rc<Connection>,
    jar: Arc<Jar>,
    plain: OnceCell<Pair>,
    secure: OnceCell<Pair>,
}

impl Pool {
    pub fn new(target: &Url, guard: Guard, connection: Rc<Connection>) -> Self {
        let jar = Jar::default();
        for (url, cookie) in &connection.cookies {
            jar.add_cookie_str(&format!("{cookie}; Path=/"), url);
        }
        Self {
            connection,
            guard,
            proxied: !is_loopback(target),
            jar: Arc::new(jar),
            plain: OnceCell::new(),
            secure: OnceCell::new(),
        }
    }

    /// Returns a pool with the same limits, but without cookies and connections.
    pub fn without_state(&self) -> Self {
        Self {
            guard: self.guard.clone(),
            proxied: self.proxied,
            connection: Rc::clone(&self.connection),
            jar: Arc::default(),
            plain: OnceCell::new(),
            secure: OnceCell::new(),
        }
    }

    /// Returns the client for a request of `speaker` to `url`.
    pub fn get(&self, speaker: Speaker, url: &Url) -> Result<&Client, RequestError> {
        let pair = if url.scheme() == "https" {
            self.pair(&self.secure, || tls::system_config(&self.connection.roots))?
        } else {
            self.pair(&self.plain, tls::bare_config)?
        };
        Ok(match speaker {
            Speaker::OAuth | Speaker::Mcp => &pair.client,
            Speaker::Browser => &pair.browser,
        })
    }

    fn pair<'c>(
        &self,
        cell: &'c OnceCell<Pair>,
        config: impl FnOnce() -> Result<ClientConfig, rustls::Error>,
    ) -> Result<&'c Pair, RequestError> {
        if let Some(pair) = cell.get() {
            return Ok(pair);
        }
        let config = config().map_err(|error| RequestError::other(&error))?;
        let build = |jar: Option<Arc<Jar>>| {
            let mut builder = Client::builder()
                .redirect(Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .dns_resolver(Arc::new(self.guard.clone()))
                .tls_backend_preconfigured(config.clone());
            for (host, address) in &self.connection.resolve {
                // The port of the URL is used, not this one.
                builder = builder.resolve(host, SocketAddr::new(*address, 0));
            }
            if !self.proxied {
                builder = builder.no_proxy();
            }
            if let Some(jar) = jar {
                builder = builder.cookie_provider(jar);
            }
            builder.build().map_err(|error| RequestError::other(&error))
        };
        let pair = Pair {
            client: build(None)?,
            browser: build(Some(Arc::clone(&self.jar)))?,
        };
        Ok(cell.get_or_init(|| pair))
    }
}
