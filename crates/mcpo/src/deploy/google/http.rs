//! Requests to Google: TLS with built-in roots, a deadline for each, and patience with what passes.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use reqwest::{
    Client, RequestBuilder, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore};

use super::proxy::Proxy;
use crate::error::{Failure, Outcome};

/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a call may be tried again and again.
const BUDGET: Duration = Duration::from_secs(120);
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// The most that is read of an answer.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Sends requests.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    proxy: Option<Proxy>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{host} cannot be reached: {why}{}", if *.attempts > 1 { format!(" (tried {attempts} times)") } else { String::new() })]
pub struct NoAnswer {
    host: String,
    why: String,
    attempts: u32,
}

impl Http {
    pub fn new() -> Outcome<Self> {
        let failed =
            |error: &dyn std::error::Error| Failure::new("failed to set up TLS").because(error);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // For the libraries that make clients of their own. An error means that there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        // A network with an authority of its own has it among the system's.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .user_agent(concat!("mcpo/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_secs(15))
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self {
            client,
            proxy: Proxy::from_env(),
        })
    }

    /// Whether requests to `url` go through a proxy of the environment.
    pub fn is_proxied(&self, url: &str) -> bool {
        self.proxy
            .as_ref()
            .is_some_and(|proxy| proxy.applies_to(url))
    }

    /// Connects to the proxy, if there is one, so that a dead one is named at once.
    pub async fn check_proxy(&self) -> Outcome<()> {
        match &self.proxy {
            Some(proxy) => proxy.check().await,
            None => Ok(()),
        }
    }

    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Sends what `build` makes until there is an answer that is worth having.
    pub async fn send(
        &self,
        host: &str,
        build: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Reply, NoAnswer> {
        let mut retry = Retry::new();
        loop {
            match self.attempt(build(&self.client)).await {
                Ok(reply) if !is_passing(reply.status) => return Ok(reply),
                Ok(reply) => {
                    let after = retry_after(&reply.headers);
                    if !retry.pause(after).await {
                        return Ok(reply);
                    }
                }
                Err(why) => {
                    let attempts = retry.attempts();
                    if !retry.pause(None).await {
                        return Err(NoAnswer::new(host, why, attempts));
                    }
                }
            }
        }
    }

    /// Sends it once, whatever comes of it.
    pub async fn send_once(
        &self,
        host: &str,
        build: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Reply, NoAnswer> {
        let sent = self.attempt(build(&self.client)).await;
        sent.map_err(|why| NoAnswer::new(host, why, 1))
    }

    async fn attempt(&self, request: RequestBuilder) -> Result<Reply, String> {
        match tokio::time::timeout(DEADLINE, read(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
        }
    }
}

impl NoAnswer {
    fn new(host: &str, why: String, attempts: u32) -> Self {
        Self {
            host: host.to_owned(),
            why,
            attempts,
        }
    }
}

async fn read(request: RequestBuilder) -> Result<Reply, String> {
    let mut response = request.send().await.map_err(|error| explain(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err("the answer is too large".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status,
        headers,
        body,
    })
}

/// The innermost cause, which is what a person can do something about. No URL: it may hold a token.
fn explain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Whether the same request may well succeed in a moment.
pub fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Nothing is waited for that long; it keeps sums of times within what there is.
const MOST_SECONDS: u64 = 60 * 60;

/// What the other side says to wait: seconds, or a moment.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(u64::min(seconds, MOST_SECONDS))),
        Err(_) => httpdate::parse_http_date(text)
            .ok()?
            .duration_since(SystemTime::now())
            .ok()
            .map(|wait| wait.min(Duration::from_secs(MOST_SECONDS))),
    }
}

/// Pauses between attempts: longer each time, and never the same for two who were refused at once.
#[derive(Debug)]
pub struct Retry {
    attempt: u32,
    until: Instant,
}

impl Retry {
    pub fn new() -> Self {
        Self {
            attempt: 1,
            until: Instant::now() + BUDGET,
        }
    }

    pub const fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Waits for the next attempt; false if there is none.
    pub async fn pause(&mut self, wanted: Option<Duration>) -> bool {
        let longest = (FIRST_PAUSE * 2_u32.pow(self.attempt.min(10))).min(LONGEST_PAUSE);
        let pause = wanted.unwrap_or_default() + longest.mul_f64(random_fraction() / 2.0);
        if self.attempt >= ATTEMPTS || Instant::now() + pause > self.until {
            return false;
        }
        self.attempt += 1;
        tokio::time::sleep(pause).await;
        true
    }
}

/// Evenly between 0 and 1.
fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness all wait the same, which is no reason to fail.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
