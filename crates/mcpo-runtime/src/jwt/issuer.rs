//! Somebody who issues tokens: its endpoints and keys, asked for when they are needed and remembered.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Claims, Head, JwtFault, keys::KeySet, verify};
use crate::{
    clock::Timestamp,
    outgoing::{Outgoing, server_url},
};

/// How long keys and endpoints are believed: a key that the issuer has withdrawn is good no longer.
const BELIEVE_FOR: Duration = Duration::from_secs(60 * 60);
/// How long known keys are good while the issuer is out of reach.
const KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How often an issuer is asked at most: anybody can send tokens with unknown keys.
const PAUSE: Duration = Duration::from_secs(15);

/// An issuer of tokens.
#[derive(Debug)]
pub(crate) struct Issuer {
    /// As it stands in its tokens, byte for byte.
    pub(super) id: String,
    pub(super) documents: Documents,
    pub(super) outgoing: Outgoing,
    known: RwLock<Arc<Known>>,
    /// Of many who need the same, one asks.
    asking: Mutex<()>,
}

/// Which documents describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Documents {
    /// Any of them, as the MCP authorization specification orders them.
    AuthorizationServer,
    /// That of an OpenID provider.
    OpenId,
}

/// What is known of it, and since when.
#[derive(Clone, Debug, Default)]
struct Known {
    found: Option<(Arc<Found>, Timestamp)>,
    asked_at: Option<Timestamp>,
    /// Why the last question came to nothing.
    trouble: Option<IssuerError>,
}

#[derive(Debug)]
pub(super) struct Found {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: KeySet,
}

/// What an issuer says of itself. Endpoints are checked when they are used.
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

/// Why an issuer cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IssuerError {
    /// Later it may go better.
    #[error("{0}")]
    OutOfReach(String),
    /// It is not what it should be.
    #[error("{0}")]
    Unexpected(String),
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    #[error("the token {0}")]
    Token(#[from] JwtFault),
    #[error("{0}")]
    Issuer(#[from] IssuerError),
}

impl Issuer {
    /// `None` if `id` is not the https URL of an issuer, or one on this machine.
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

    /// What it says of itself.
    pub(crate) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, IssuerError> {
        let found = self.found(now, |found| found.is_fresh).await?;
        Ok(Arc::clone(&found.metadata))
    }

    /// What a token of this issuer claims, and what stands before the claims; the time and the issuer
    /// are checked.
    pub(crate) async fn verify(
        &self,
        unverified: &str,
        now: Timestamp,
    ) -> Result<(Head, Claims), TokenFault> {
        let head = Head::read(unverified)?;
        let found = self.found(now, |found| found.is_fresh).await?;
        let claims = match verify(unverified, &head, &found.keys) {
            // The issuer may have begun to sign with a new key.
            Err(JwtFault::UnknownKey) => {
                let found = self.found(now, |found| found.is_from_now).await?;
                verify(unverified, &head, &found.keys)
            }
            verified => verified,
        }?;
        claims.check(&self.id, now)?;
        Ok((head, claims))
    }

    /// What is known if that is `good_enough`, or else what the issuer answers now.
    async fn found(
        &self,
        now: Timestamp,
        good_enough: impl Fn(&Standing) -> bool,
    ) -> Result<Arc<Found>, IssuerError> {
        let usable = |known: &Known| {
            let (found, since) = known.found.as_ref()?;
            let standing = Standing::of(*since, known.asked_at, now);
            good_enough(&standing).then(|| Arc::clone(found))
        };
        if let Some(found) = usable(&self.known()) {
            return Ok(found);
        }
        let _one_asks = self.asking.lock().await;
        let known = self.known();
        if let Some(found) = usable(&known) {
            return Ok(found);
        }
        let left_alone = known.asked_at.is_some_and(|then| now.since(then) < PAUSE);
        let answer = match &known.trouble {
            Some(trouble) if left_alone => Err(trouble.clone()),
            _ => {
                let answer = self.ask().await.map(Arc::new);
                self.remember(&known, &answer, now);
                answer
            }
        };
        match (answer, &known.found) {
            (Ok(found), _) => Ok(found),
            (Err(error), Some((found, since))) if now.since(*since) < KEEP_FOR => {
                tracing::warn!(issuer = self.id, %error, "going by what is known of the issuer");
                Ok(Arc::clone(found))
            }
            (Err(error), _) => Err(error),
        }
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, before: &Known, answer: &Result<Arc<Found>, IssuerError>, now: Timestamp) {
        let (found, trouble) = match answer {
            Ok(found) => (Some((Arc::clone(found), now)), None),
            Err(error) => (before.found.clone(), Some(error.clone())),
        };
        let known = Known {
            found,
            asked_at: Some(now),
            trouble,
        };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }
}

/// How old what is known is.
struct Standing {
    is_fresh: bool,
    /// The issuer was asked a moment ago, and is not asked again.
    is_from_now: bool,
}

impl Standing {
    fn of(since: Timestamp, asked_at: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            is_fresh: now.since(since) < BELIEVE_FOR,
            is_from_now: asked_at.is_some_and(|then| now.since(then) < PAUSE),
        }
    }
}
