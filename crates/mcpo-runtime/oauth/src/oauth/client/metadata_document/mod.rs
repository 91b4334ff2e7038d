//! Reads Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document): the client id
//! is the URL of a document that describes the client.

mod dns_guard;
mod fetch;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use url::{Host, Url};

use self::fetch::{FetchError, Fetched, Fetcher, Permit};
use super::metadata::{Client, ClientKey, display_name};
use crate::{
    base::{clock::Timestamp, error::Error},
    net::link_url::LinkUrl,
    oauth::redirect_uri::{RedirectUriError, RegisteredRedirectUri},
};

const MAX_URL_LEN: usize = 1024;
const MAX_REDIRECT_URIS: usize = 32;
/// The number of cached documents, valid and invalid ones.
const MAX_CACHED: usize = 512;
/// How long a document without caching headers is cached.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// The longest time that any document is cached.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a failed fetch is cached.
const FAILURE_LIFETIME: Duration = Duration::from_secs(60);

/// Documents of well-known clients, for servers whose addresses are blocked by the clients' hosts.
const PINNED: &str = include_str!("pinned.json");

/// The URL of a document: https, with a path, and in a form in which no two texts mean the same
/// document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DocumentUrl {
    text: String,
    url: Url,
}

/// Why a document or its URL is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error("its URL {0}")]
    Url(&'static str),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("it is not valid client metadata in JSON")]
    Json,
    #[error("its client_id is not the URL it was fetched from")]
    ClientId,
    #[error("its redirect URI {uri:?} {error}")]
    RedirectUri {
        uri: String,
        error: RedirectUriError,
    },
    #[error("it must list 1 to {MAX_REDIRECT_URIS} redirect URIs")]
    RedirectUris,
    #[error("it requires a secret, which a document cannot contain")]
    Secret,
}

impl DocumentUrl {
    /// Parses a client id. Returns `None` if the id is not a URL, and an error if no document can
    /// have that URL.
    pub(super) fn parse(unverified_id: &str) -> Result<Option<Self>, DocumentError> {
        if !unverified_id.contains("://") {
            return Ok(None);
        }
        let wrong = |what| Err(DocumentError::Url(what));
        if unverified_id.len() > MAX_URL_LEN {
            return wrong("is too long");
        }
        let Ok(url) = Url::parse(unverified_id) else {
            return wrong("is not a URL");
        };
        if url.scheme() != "https" {
            return wrong("is not https");
        }
        if url.path() == "/" {
            return wrong("has no path");
        }
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return wrong("has a fragment or a user name");
        }
        // An IP address would bypass the resolver that protects the fetch.
        if !matches!(url.host(), Some(Host::Domain(_))) {
            return wrong("has no host name");
        }
        // The parser resolves dots and case. A URL that is not in its normal form could be compared
        // as one URL and fetched as another.
        if url.as_str() != unverified_id {
            return wrong("is not in normalized form");
        }
        Ok(Some(Self {
            text: unverified_id.to_owned(),
            url,
        }))
    }
}

/// The fields that are used; a document may have more.
#[derive(Deserialize)]
struct Document {
    client_id: String,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    /// Any JSON: an unusable address must not make the client unusable.
    #[serde(default)]
    policy_uri: Value,
    token_endpoint_auth_method: Option<String>,
    client_secret: Option<serde::de::IgnoredAny>,
}

impl Document {
    fn verify(self, url: &DocumentUrl) -> Result<Client, DocumentError> {
        if self.client_id != url.text {
            return Err(DocumentError::ClientId);
        }
        let method = self.token_endpoint_auth_method.as_deref();
        if self.client_secret.is_some() || method.is_some_and(|m| m.starts_with("client_secret")) {
            return Err(DocumentError::Secret);
        }
        if self.redirect_uris.is_empty() || self.redirect_uris.len() > MAX_REDIRECT_URIS {
            return Err(DocumentError::RedirectUris);
        }
        let parse = |uri: String| {
            RegisteredRedirectUri::parse(&uri)
                .map_err(|error| DocumentError::RedirectUri { uri, error })
        };
        let host = url.url.host_str().unwrap_or_default();
        Ok(Client {
            key: ClientKey::of(&url.text),
            name: display_name(self.client_name.as_deref().unwrap_or(host)),
            redirect_uris: self
                .redirect_uris
                .into_iter()
                .map(parse)
                .collect::<Result<_, _>>()?,
            vouched_by: Some(host.to_owned()),
            privacy: self.policy_uri.as_str().and_then(LinkUrl::parse),
            is_configured: false,
        })
    }
}

#[derive(Clone)]
struct Entry {
    outcome: Result<Arc<Client>, DocumentError>,
    fetched_at: Timestamp,
    good_until: Timestamp,
}

impl Entry {
    fn client(&self) -> Result<Client, DocumentError> {
        let outcome = self.outcome.as_ref();
        outcome
            .map(|client| Client::clone(client))
            .map_err(Clone::clone)
    }

    const fn is_failed_fetch(&self) -> bool {
        matches!(self.outcome, Err(DocumentError::Fetch(_)))
    }

    /// Returns true if this entry may replace a document that cannot be fetched at the moment.
    fn is_usable(&self, now: Timestamp) -> bool {
        self.outcome.is_ok() && now.since(self.fetched_at) < MAX_LIFETIME
    }
}

/// Fetches documents when needed, and caches them for as long as their headers allow.
pub(super) struct DocumentCache {
    fetcher: Fetcher,
    cache: Cache<String, Entry>,
    pinned: Vec<Arc<Client>>,
}

impl DocumentCache {
    pub(super) fn new() -> Result<Self, Error> {
        Self::with(Fetcher::new())
    }

    fn with(fetcher: Fetcher) -> Result<Self, Error> {
        let documents: Vec<Document> = serde_json::from_str(PINNED).map_err(Error::internal)?;
        let pin = |document: Document| {
            let url = DocumentUrl::parse(&document.client_id)
                .map_err(Error::internal)?
                .ok_or_else(|| Error::internal("a pinned document has no URL"))?;
            document.verify(&url).map(Arc::new).map_err(Error::internal)
        };
        Ok(Self {
            fetcher,
            cache: Cache::new(MAX_CACHED),
            pinned: documents.into_iter().map(pin).collect::<Result<_, _>>()?,
        })
    }

    /// Returns the client that the document at `url` describes. If the document must be fetched and
    /// `may_fetch` returns false, uses what is already known about the client.
    pub(super) async fn client(
        &self,
        url: &DocumentUrl,
        now: Timestamp,
        may_fetch: &(dyn Fn() -> bool + Sync),
    ) -> Result<Client, DocumentError> {
        if let Some(entry) = self.current(url, now) {
            return entry.client();
        }
        let permit = if may_fetch() {
            self.fetcher.permit(&url.url).await
        } else {
            Err(FetchError::Busy)
        };
        // A request that waited for the permit finds the document that the previous request
        // fetched.
        if let Some(entry) = self.current(url, now) {
            return entry.client();
        }
        let known = self.cache.get(&url.text);
        let entry = match permit {
            Ok(permit) => self.fetch(url, now, permit).await,
            Err(busy) => self.without_document(url, busy.into(), now),
        };
        // A client that was known before stays usable while its host does not answer.
        if entry.is_failed_fetch()
            && let Some(known) = known.filter(|known| known.is_usable(now))
        {
            return known.client();
        }
        // If this server is busy, that says nothing about the document.
        if !matches!(entry.outcome, Err(DocumentError::Fetch(FetchError::Busy))) {
            self.cache.insert(url.text.clone(), entry.clone());
        }
        entry.client()
    }

    /// Returns the cached entry of a document, if it has not expired.
    fn current(&self, url: &DocumentUrl, now: Timestamp) -> Option<Entry> {
        let entry = self.cache.get(&url.text)?;
        (entry.good_until > now).then_some(entry)
    }

    async fn fetch(&self, url: &DocumentUrl, now: Timestamp, permit: Permit<'_>) -> Entry {
        let fetched = self.fetcher.fetch(&url.url, permit).await;
        let lifetime = fetched.as_ref().map_or(FAILURE_LIFETIME, lifetime);
        let fetched = fetched.map_err(DocumentError::from);
        match fetched.and_then(|fetched| read(&fetched.body, url)) {
            Ok(client) => Entry {
                outcome: Ok(Arc::new(client)),
                fetched_at: now,
                good_until: now.plus(lifetime),
            },
            Err(error) => self.without_document(url, error, now),
        }
    }

    /// Returns the entry for a document that cannot be fetched or is invalid: the pinned client or,
    /// if there is none, `error`. A pinned client is safe to use: no document can change it.
    fn without_document(&self, url: &DocumentUrl, error: DocumentError, now: Timestamp) -> Entry {
        let outcome = match self.pinned(url) {
            Some(client) => {
                tracing::info!(url = url.text, %error, "pinned client document used");
                Ok(client)
            }
            None => {
                tracing::warn!(url = url.text, %error, "client document refused");
                Err(error)
            }
        };
        Entry {
            outcome,
            fetched_at: now,
            good_until: now.plus(FAILURE_LIFETIME),
        }
    }

    fn pinned(&self, url: &DocumentUrl) -> Option<Arc<Client>> {
        let key = ClientKey::of(&url.text);
        self.pinned.iter().find(|client| client.key == key).cloned()
    }
}

fn read(body: &[u8], url: &DocumentUrl) -> Result<Client, DocumentError> {
    let document: Document = serde_json::from_slice(body).map_err(|_| DocumentError::Json)?;
    document.verify(url)
}

/// Returns the lifetime that `Cache-Control` allows (RFC 9111 §5.2.2), within the limits.
fn lifetime(fetched: &Fetched) -> Duration {
    let directives = fetched.cache_control.split(',').map(str::trim);
    let mut lifetime = DEFAULT_LIFETIME;
    for directive in directives {
        let directive = directive.to_ascii_lowercase();
        if directive == "no-store" || directive == "no-cache" {
            return Duration::ZERO;
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            let seconds = seconds.trim_matches('"').parse().unwrap_or(0);
            lifetime = Duration::from_secs(seconds);
        }
    }
    lifetime.min(MAX_LIFETIME)
}
