//! Fetches a document whose URL an unknown client provided, within limits of time, size and number.
//! Redirects are not followed.

#[cfg(test)]
use std::net::IpAddr;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use http::header;
use reqwest::{Client, redirect::Policy};
use rustls::RootCertStore;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use url::Url;

use super::dns_guard::{Addresses, GuardedResolver};
use crate::{
    base::{error::Error, error_chain::chain},
    net::{
        response_body::{ResponseBodyError, read_response},
        tls,
    },
};

/// The time limit for a whole fetch, from the DNS lookup to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a fetch waits for other fetches to end.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(2);
/// The length that the draft recommends.
const MAX_DOCUMENT_LEN: usize = 5 * 1024;
/// The limit of concurrent fetches. Clients must not be able to make this server flood others.
const MAX_FETCHES: usize = 32;
/// The limit for one host, so that slow documents of one host do not delay those of others.
const MAX_FETCHES_PER_HOST: usize = 2;
/// With this many hosts in the map, hosts without a running fetch are removed.
const MAX_IDLE_HOSTS: usize = 256;

/// A fetched document.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) body: Vec<u8>,
    pub(super) cache_control: String,
}

/// Why a fetch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("this server failed to set up TLS; its log has the reason")]
    SetUp,
    #[error("its host is unreachable or not public")]
    Connect,
    #[error("its host did not answer within {} seconds", FETCH_TIMEOUT.as_secs())]
    Timeout,
    #[error("this server is fetching too many documents; try again in a moment")]
    Busy,
    #[error("its host answered with status {0}")]
    Status(u16),
    #[error("it is longer than {MAX_DOCUMENT_LEN} bytes")]
    TooLong,
    #[error("it is not of type application/json")]
    ContentType,
    #[error("the connection broke during the download")]
    Broken,
}

pub(super) struct Fetcher {
    roots: Option<RootCertStore>,
    addresses: Addresses,
    /// Created for the first document: most servers never fetch one, and TLS needs memory.
    client: OnceLock<Client>,
    permits: Semaphore,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Fetcher {
    /// Creates a fetcher that trusts the public certificate authorities and connects to public
    /// addresses.
    pub(super) fn new() -> Self {
        Self::with(None, Addresses::Public)
    }

    #[cfg(test)]
    pub(super) fn for_test(roots: RootCertStore) -> Self {
        Self::with(Some(roots), Addresses::Any)
    }

    #[cfg(test)]
    pub(super) fn answered(roots: RootCertStore, addresses: &'static [IpAddr]) -> Self {
        Self::with(Some(roots), Addresses::Answered(addresses))
    }

    fn with(roots: Option<RootCertStore>, addresses: Addresses) -> Self {
        Self {
            roots,
            addresses,
            client: OnceLock::new(),
            permits: Semaphore::new(MAX_FETCHES),
            hosts: Mutex::default(),
        }
    }

    fn client(&self) -> Result<&Client, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = self.new_client().map_err(|error| {
            let error = chain(&error);
            tracing::error!(%error, "failed to set up the client for documents");
            FetchError::SetUp
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    fn new_client(&self) -> Result<Client, Error> {
        let tls = tls::client_config(self.roots.clone())?;
        Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(GuardedResolver(self.addresses)))
            .redirect(Policy::none())
            .timeout(FETCH_TIMEOUT)
            .https_only(true)
            // A proxy would resolve the name itself and bypass the check.
            .no_proxy()
            .build()
            .map_err(Error::internal)
    }

    /// Waits a short time for permission to fetch `url`.
    pub(super) async fn permit(&self, url: &Url) -> Result<Permit<'_>, FetchError> {
        let host = self.host(url.host_str().unwrap_or_default());
        let permits = async {
            Some(Permit {
                _of_host: host.acquire_owned().await.ok()?,
                _of_all: self.permits.acquire().await.ok()?,
            })
        };
        let permits = tokio::time::timeout(PERMIT_TIMEOUT, permits).await;
        permits.ok().flatten().ok_or(FetchError::Busy)
    }

    /// Returns the permits of one host.
    fn host(&self, name: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MAX_IDLE_HOSTS {
            hosts.retain(|_, permits| Arc::strong_count(permits) > 1);
        }
        let permits = hosts.entry(name.to_owned());
        let new = || Arc::new(Semaphore::new(MAX_FETCHES_PER_HOST));
        Arc::clone(permits.or_insert_with(new))
    }

    pub(super) async fn fetch(
        &self,
        url: &Url,
        _permit: Permit<'_>,
    ) -> Result<Fetched, FetchError> {
        tokio::time::timeout(FETCH_TIMEOUT, self.fetch_now(url))
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    async fn fetch_now(&self, url: &Url) -> Result<Fetched, FetchError> {
        let request = self.client()?.get(url.clone());
        let response = request
            .header(header::ACCEPT, "application/json")
            .send()
            .await
            .map_err(|error| {
                if error.is_timeout() {
                    FetchError::Timeout
                } else {
                    FetchError::Connect
                }
            })?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let text = |name| {
            let value = response.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        if !is_json(text(header::CONTENT_TYPE)) {
            return Err(FetchError::ContentType);
        }
        let cache_control = text(header::CACHE_CONTROL).to_owned();
        let body = read_response(response, MAX_DOCUMENT_LEN).await;
        Ok(Fetched {
            body: body.map_err(|error| match error {
                ResponseBodyError::TooLong => FetchError::TooLong,
                ResponseBodyError::Transport(_) => FetchError::Broken,
            })?,
            cache_control,
        })
    }
}

/// Permission to fetch one document. Dropping it releases the permission.
pub(super) struct Permit<'a> {
    _of_host: OwnedSemaphorePermit,
    _of_all: SemaphorePermit<'a>,
}

/// Returns true for `application/json` and `application/…+json`, with or without parameters.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slow_fetches_from_one_host_do_not_block_other_hosts() {
        let fetcher = Fetcher::new();
        let url = |host: &str| Url::parse(&format!("https://{host}/client.json")).unwrap();
        let slow = url("slow.example");
        let mut held = Vec::new();
        for _ in 0..MAX_FETCHES_PER_HOST {
            held.push(fetcher.permit(&slow).await.ok().unwrap());
        }
        let refused = fetcher.permit(&slow).await.err();
        assert_eq!(refused, Some(FetchError::Busy));
        for host in 0..MAX_FETCHES - MAX_FETCHES_PER_HOST {
            held.push(
                fetcher
                    .permit(&url(&format!("{host}.example")))
                    .await
                    .ok()
                    .unwrap(),
            );
        }
        let refused = fetcher.permit(&url("other.example")).await.err();
        assert_eq!(refused, Some(FetchError::Busy));
        drop(held);
        assert!(fetcher.permit(&slow).await.is_ok());
    }

    #[tokio::test]
    async fn as11_name_of_a_loopback_address_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = Url::parse(&format!("https://localhost:{port}/client.json")).unwrap();
        let fetcher = Fetcher::new();
        let permit = fetcher.permit(&url).await.ok().unwrap();
        let error = fetcher.fetch(&url, permit).await.unwrap_err();
        assert_eq!(error, FetchError::Connect);
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(accepted.is_err(), "no connection was made");
    }
}
