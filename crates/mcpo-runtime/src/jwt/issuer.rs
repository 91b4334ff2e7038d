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
/// How long somebody waits for all of its documents.
const PATIENCE: Duration = Duration::from_secs(8);

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
        let found = self.found(now, Need::Current).await?;
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
        let found = self.found(now, Need::Current).await?;
        let claims = match verify(unverified, &head, &found.keys) {
            // The issuer may have begun to sign with a new key. While it cannot be asked, nobody can
            // say that the token is bad.
            Err(JwtFault::UnknownKey) => {
                let found = self.found(now, Need::FromNow).await?;
                verify(unverified, &head, &found.keys)
            }
            verified => verified,
        }?;
        claims.check(&self.id, now)?;
        Ok((head, claims))
    }

    /// What is known if that will do, or else what the issuer answers now.
    async fn found(&self, now: Timestamp, need: Need) -> Result<Arc<Found>, IssuerError> {
        if let Some(found) = self.known().good_for(need, now) {
            return Ok(found);
        }
        let _one_asks = if let Ok(asking) = self.asking.try_lock() {
            asking
        } else if let Some(found) = self.known().makeshift(need, now) {
            // Somebody asks already; nobody else has to wait for that.
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

    /// Asks, and remembers what came of it; also that it was asked, if whoever waits for the answer
    /// goes away.
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
                tracing::warn!(issuer = self.id, %error, "the issuer is of no help");
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

/// How new what is known has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Not too old.
    Current,
    /// From this moment, because what is known does not do.
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

    /// What is known though it is old, while the issuer is out of reach. One that does answer, and
    /// wrongly, has taken its keys back for all we know.
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
