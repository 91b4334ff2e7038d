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
    token::{Head, JwtFault, verify},
};
use crate::{
    base::clock::Timestamp,
    net::http_client::{Outgoing, server_url},
};

/// How long keys and endpoints are cached. A key that the issuer has withdrawn is accepted no
/// longer than this.
const BELIEVE_FOR: Duration = Duration::from_secs(60 * 60);
/// How long cached keys are used while the issuer is unreachable.
const KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// The shortest time between two requests to an issuer, because anyone can send tokens with unknown
/// keys.
const PAUSE: Duration = Duration::from_secs(15);
/// The time limit for fetching all documents.
const PATIENCE: Duration = Duration::from_secs(8);

/// An issuer of tokens.
#[derive(Debug)]
pub(crate) struct Issuer {
    /// The issuer identifier, byte for byte as in its tokens.
    pub(super) id: String,
    pub(super) documents: Documents,
    pub(super) outgoing: Outgoing,
    known: RwLock<Arc<Known>>,
    /// Makes sure that only one task asks the issuer at a time.
    asking: Mutex<()>,
}

/// The documents that describe an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Documents {
    /// All kinds, in the order of the MCP authorization specification.
    AuthorizationServer,
    /// Only that of an OpenID provider.
    OpenId,
}

/// The cached state of an issuer.
#[derive(Clone, Debug, Default)]
struct Known {
    found: Option<(Arc<Found>, Timestamp)>,
    asked_at: Option<Timestamp>,
    /// The reason why the last request failed.
    trouble: Option<IssuerError>,
}

#[derive(Debug)]
pub(super) struct Found {
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
    OutOfReach(String),
    /// The response is not valid.
    #[error("{0}")]
    Unexpected(String),
}

/// The reason why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    #[error("the token {0}")]
    Token(#[from] JwtFault),
    #[error("{0}")]
    Issuer(#[from] IssuerError),
}

impl Issuer {
    /// Returns `None` if `id` is neither an https URL nor an http URL on this machine.
    pub(crate) fn new(id: &str, documents: Documents) -> Option<Self> {
        server_url(id)?;
        Some(Self {
            id: id.to_owned(),
            documents,
            outgoing: Outgoing::default(),
            known: RwLock::default(),
            asking: Mutex::default(),
        })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) const fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// Returns the metadata of the issuer.
    pub(crate) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, IssuerError> {
        let found = self.found(now, Need::Current).await?;
        Ok(Arc::clone(&found.metadata))
    }

    /// Returns the header and the claims of a token of this issuer. Signature, issuer and times are
    /// checked.
    pub(crate) async fn verify(
        &self,
        unverified: &str,
        now: Timestamp,
    ) -> Result<(Head, Claims), TokenFault> {
        let head = Head::read(unverified)?;
        let found = self.found(now, Need::Current).await?;
        let claims = match verify(unverified, &head, &found.keys) {
            // The issuer may have a new key. While the issuer is unreachable, it is unknown whether
            // the token is valid.
            Err(JwtFault::UnknownKey) => {
                let found = self.found(now, Need::FromNow).await?;
                verify(unverified, &head, &found.keys)
            }
            verified => verified,
        }?;
        claims.check(&self.id, now)?;
        Ok((head, claims))
    }

    /// Returns the cached state if it is new enough, or else asks the issuer.
    async fn found(&self, now: Timestamp, need: Need) -> Result<Arc<Found>, IssuerError> {
        if let Some(found) = self.known().good_for(need, now) {
            return Ok(found);
        }
        let _one_asks = if let Ok(asking) = self.asking.try_lock() {
            asking
        } else if let Some(found) = self.known().makeshift(need, now) {
            // Another task is already asking. Use the cached state meanwhile.
            return Ok(found);
        } else {
            self.asking.lock().await
        };
        let known = self.known();
        if let Some(found) = known.good_for(need, now) {
            return Ok(found);
        }
        let error = match &known.trouble {
            Some(trouble) if known.was_asked_just_now(now) => trouble.clone(),
            _ => match self.ask_in_time(&known, now).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            },
        };
        let makeshift = self.known().makeshift(need, now);
        makeshift.ok_or(error)
    }

    /// Asks the issuer and caches the result. Also records that the issuer was asked, in case the
    /// caller goes away before the response.
    async fn ask_in_time(&self, known: &Known, now: Timestamp) -> Result<Arc<Found>, IssuerError> {
        let silence = || IssuerError::OutOfReach("the issuer does not answer".to_owned());
        self.remember(Known {
            found: known.found.clone(),
            asked_at: Some(now),
            trouble: Some(silence()),
        });
        let answer = tokio::time::timeout(PATIENCE, self.ask()).await;
        let answer = answer.unwrap_or_else(|_| Err(silence())).map(Arc::new);
        let (found, trouble) = match &answer {
            Ok(found) => (Some((Arc::clone(found), now)), None),
            Err(error) => {
                tracing::warn!(issuer = self.id, %error, "cannot fetch the issuer's documents");
                (known.found.clone(), Some(error.clone()))
            }
        };
        self.remember(Known {
            found,
            asked_at: Some(now),
            trouble,
        });
        answer
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }
}

/// How new the cached state must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Not older than [`BELIEVE_FOR`].
    Current,
    /// Just fetched, because the cached state is not enough.
    FromNow,
}

impl Known {
    fn good_for(&self, need: Need, now: Timestamp) -> Option<Arc<Found>> {
        let (found, since) = self.found.as_ref()?;
        let good = match need {
            Need::Current => now.since(*since) < BELIEVE_FOR,
            Need::FromNow => self.trouble.is_none() && self.was_asked_just_now(now),
        };
        good.then(|| Arc::clone(found))
    }

    /// Returns the old cached state while the issuer is unreachable. If the issuer responds with an
    /// invalid document, it may have withdrawn its keys, so the cached state is not used.
    fn makeshift(&self, need: Need, now: Timestamp) -> Option<Arc<Found>> {
        let (found, since) = self.found.as_ref()?;
        let out_of_reach = matches!(self.trouble, Some(IssuerError::OutOfReach(_)));
        let good = need == Need::Current && out_of_reach && now.since(*since) < KEEP_FOR;
        good.then(|| Arc::clone(found))
    }

    fn was_asked_just_now(&self, now: Timestamp) -> bool {
        self.asked_at.is_some_and(|then| now.since(then) < PAUSE)
    }
}
