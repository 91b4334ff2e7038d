//! An issuer of tokens. Its endpoints and keys are fetched on demand and cached.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    claims::Claims,
    keys::KeySet,
    token::{JwtError, JwtHeader, verify},
};
use crate::{
    base::clock::Timestamp,
    net::http_client::{HttpClient, server_url},
};

/// How long keys and endpoints are cached. A key that the issuer has withdrawn is accepted no
/// longer than this.
const CACHE_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long cached keys are used while the issuer is unreachable.
const STALE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The shortest time between two requests to an issuer, because anyone can send tokens with unknown
/// keys.
const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(15);
/// The time limit for fetching all documents.
const ISSUER_TIMEOUT: Duration = Duration::from_secs(8);

/// An issuer of tokens.
#[derive(Debug)]
pub(crate) struct Issuer {
    /// The issuer identifier, byte for byte as in its tokens.
    pub(super) id: String,
    pub(super) metadata_kind: MetadataKind,
    pub(super) http: HttpClient,
    cached: RwLock<Arc<CachedDocuments>>,
    /// Makes sure that only one task asks the issuer at a time.
    asking: Mutex<()>,
}

/// The documents that describe an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetadataKind {
    /// All kinds, in the order of the MCP authorization specification.
    AuthorizationServer,
    /// Only that of an OpenID provider.
    OpenId,
}

/// The cached state of an issuer.
#[derive(Clone, Debug, Default)]
struct CachedDocuments {
    found: Option<(Arc<IssuerDocuments>, Timestamp)>,
    asked_at: Option<Timestamp>,
    /// The reason why the last request failed.
    last_error: Option<IssuerError>,
}

#[derive(Debug)]
pub(super) struct IssuerDocuments {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: KeySet,
}

/// The metadata of an issuer. Endpoints are checked when they are used.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(super) issuer: String,
    pub(super) jwks_uri: String,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) userinfo_endpoint: Option<String>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    pub(crate) prompt_values_supported: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// The reason why an issuer's documents are not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IssuerError {
    /// The issuer is unreachable. Trying again later may work.
    #[error("{0}")]
    Unavailable(String),
    /// The response is not valid.
    #[error("{0}")]
    Unexpected(String),
}

/// The reason why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the token {0}")]
    Token(#[from] JwtError),
    #[error("{0}")]
    Issuer(#[from] IssuerError),
}

impl Issuer {
    /// Returns `None` if `id` is neither an https URL nor an http URL on this machine.
    pub(crate) fn new(id: &str, metadata_kind: MetadataKind) -> Option<Self> {
        server_url(id)?;
        Some(Self {
            id: id.to_owned(),
            metadata_kind,
            http: HttpClient::default(),
            cached: RwLock::default(),
            asking: Mutex::default(),
        })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) const fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Returns the metadata of the issuer.
    pub(crate) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, IssuerError> {
        let found = self.found(now, Freshness::Current).await?;
        Ok(Arc::clone(&found.metadata))
    }

    /// Returns the header and the claims of a token of this issuer. Signature, issuer and times are
    /// checked.
    pub(crate) async fn verify(
        &self,
        unverified: &str,
        now: Timestamp,
    ) -> Result<(JwtHeader, Claims), TokenError> {
        let head = JwtHeader::read(unverified)?;
        let found = self.found(now, Freshness::Current).await?;
        let claims = match verify(unverified, &head, &found.keys) {
            // The issuer may have a new key. While the issuer is unreachable, it is unknown whether
            // the token is valid.
            Err(JwtError::UnknownKey) => {
                let found = self.found(now, Freshness::FromNow).await?;
                verify(unverified, &head, &found.keys)
            }
            verified => verified,
        }?;
        claims.check(&self.id, now)?;
        Ok((head, claims))
    }

    /// Returns the cached state if it is new enough, or else asks the issuer.
    async fn found(
        &self,
        now: Timestamp,
        freshness: Freshness,
    ) -> Result<Arc<IssuerDocuments>, IssuerError> {
        if let Some(found) = self.cached().fresh_enough(freshness, now) {
            return Ok(found);
        }
        let _one_asks = if let Ok(asking) = self.asking.try_lock() {
            asking
        } else if let Some(found) = self.cached().stale(freshness, now) {
            // Another task is already asking. Use the cached state meanwhile.
            return Ok(found);
        } else {
            self.asking.lock().await
        };
        let cached = self.cached();
        if let Some(found) = cached.fresh_enough(freshness, now) {
            return Ok(found);
        }
        let error = match &cached.last_error {
            Some(last_error) if cached.was_asked_just_now(now) => last_error.clone(),
            _ => match self.ask_in_time(&cached, now).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            },
        };
        let stale = self.cached().stale(freshness, now);
        stale.ok_or(error)
    }

    /// Asks the issuer and caches the result. Also records that the issuer was asked, in case the
    /// caller goes away before the response.
    async fn ask_in_time(
        &self,
        cached: &CachedDocuments,
        now: Timestamp,
    ) -> Result<Arc<IssuerDocuments>, IssuerError> {
        let silence = || IssuerError::Unavailable("the issuer does not answer".to_owned());
        self.remember(CachedDocuments {
            found: cached.found.clone(),
            asked_at: Some(now),
            last_error: Some(silence()),
        });
        let answer = tokio::time::timeout(ISSUER_TIMEOUT, self.ask()).await;
        let answer = answer.unwrap_or_else(|_| Err(silence())).map(Arc::new);
        let (found, last_error) = match &answer {
            Ok(found) => (Some((Arc::clone(found), now)), None),
            Err(error) => {
                tracing::warn!(issuer = self.id, %error, "cannot fetch the issuer's documents");
                (cached.found.clone(), Some(error.clone()))
            }
        };
        self.remember(CachedDocuments {
            found,
            asked_at: Some(now),
            last_error,
        });
        answer
    }

    fn cached(&self) -> Arc<CachedDocuments> {
        Arc::clone(&self.cached.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, cached: CachedDocuments) {
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(cached);
    }
}

/// How new the cached state must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    /// Not older than [`CACHE_LIFETIME`].
    Current,
    /// Just fetched, because the cached state is not enough.
    FromNow,
}

impl CachedDocuments {
    fn fresh_enough(&self, freshness: Freshness, now: Timestamp) -> Option<Arc<IssuerDocuments>> {
        let (found, since) = self.found.as_ref()?;
        let good = match freshness {
            Freshness::Current => now.since(*since) < CACHE_LIFETIME,
            Freshness::FromNow => self.last_error.is_none() && self.was_asked_just_now(now),
        };
        good.then(|| Arc::clone(found))
    }

    /// Returns the old cached state while the issuer is unreachable. If the issuer responds with an
    /// invalid document, it may have withdrawn its keys, so the cached state is not used.
    fn stale(&self, freshness: Freshness, now: Timestamp) -> Option<Arc<IssuerDocuments>> {
        let (found, since) = self.found.as_ref()?;
        let is_unavailable = matches!(self.last_error, Some(IssuerError::Unavailable(_)));
        let good =
            freshness == Freshness::Current && is_unavailable && now.since(*since) < STALE_LIFETIME;
        good.then(|| Arc::clone(found))
    }

    fn was_asked_just_now(&self, now: Timestamp) -> bool {
        self.asked_at
            .is_some_and(|then| now.since(then) < MIN_FETCH_INTERVAL)
    }
}
