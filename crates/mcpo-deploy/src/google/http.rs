//! Sends requests to Google: TLS with built-in root certificates, a deadline for each response, and
//! retries for temporary errors.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use mcpo_common::error::{Failure, Outcome};
use reqwest::{
    Client, RequestBuilder, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore};

use super::proxy::Proxy;

/// The maximum duration of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// The total time for all attempts of a request.
const BUDGET: Duration = Duration::from_secs(120);
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// The maximum size of a response body, in bytes.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A client for HTTP requests.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    proxy: Option<Proxy>,
}

/// A complete response.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
#[error("{host} is unreachable: {why}{}", if *.attempts > 1 { format!(" (tried {attempts} times)") } else { String::new() })]
pub struct TransportError {
    host: String,
    why: String,
    attempts: u32,
}

impl Http {
    pub fn new() -> Outcome<Self> {
        let failed =
            |error: &dyn std::error::Error| Failure::new("failed to set up TLS").because(error);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // For libraries that create their own clients. An error means that a default provider is
        // already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        // A network with a private certificate authority has it among the system's certificates.
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

    /// Returns true if requests to `url` go through a proxy from the environment.
    pub fn is_proxied(&self, url: &str) -> bool {
        self.proxy
            .as_ref()
            .is_some_and(|proxy| proxy.applies_to(url))
    }

    /// Connects to the proxy, if there is one, so that an unreachable proxy is reported early.
    pub async fn check_proxy(&self) -> Outcome<()> {
        match &self.proxy {
            Some(proxy) => proxy.check().await,
            None => Ok(()),
        }
    }

    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Sends the request that `build` creates. Retries temporary errors.
    pub async fn send(
        &self,
        host: &str,
        build: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Reply, TransportError> {
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
                        return Err(TransportError::new(host, why, attempts));
                    }
                }
            }
        }
    }

    /// Sends the request once, without retries.
    pub async fn send_once(
        &self,
        host: &str,
        build: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Reply, TransportError> {
        let sent = self.attempt(build(&self.client)).await;
        sent.map_err(|why| TransportError::new(host, why, 1))
    }

    async fn attempt(&self, request: RequestBuilder) -> Result<Reply, String> {
        match tokio::time::timeout(REQUEST_TIMEOUT, read(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!(
                "no response within {} s",
                REQUEST_TIMEOUT.as_secs()
            )),
        }
    }
}

impl TransportError {
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
            return Err("the response is too large".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status,
        headers,
        body,
    })
}

/// Returns the innermost cause, which is the most useful one. Omits the URL, which may contain a
/// token.
fn explain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Returns true if a retry may succeed.
pub fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// The upper limit for `Retry-After`. It also prevents overflows in sums of times.
const MOST_SECONDS: u64 = 60 * 60;

/// Parses `Retry-After`: seconds or an HTTP date (RFC 9110 §10.2.3).
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

/// Exponential backoff with jitter, so that clients that failed at the same time do not retry at
/// the same time.
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

    /// Waits before the next attempt. Returns false if there are no attempts left.
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

/// Returns a random number, uniformly distributed between 0 and 1.
fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness, all clients wait equally long, which is no reason to fail.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
