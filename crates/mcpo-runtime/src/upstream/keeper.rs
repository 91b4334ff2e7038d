//! Current tokens for whoever needs them, with as few questions as possible.

use std::{sync::Arc, time::Duration};

use quick_cache::sync::Cache;
use tokio::sync::Mutex;

use super::{
    UpstreamTokens,
    record::{self, Found, SignedIn, Stage},
};
use crate::{
    app::App,
    clock::Timestamp,
    ledger::{GrantId, Swap},
    login::LoginError,
};

/// How many sign-ins an instance remembers at once.
const CAPACITY: usize = 10_000;
/// How long an answer of the ledger is believed.
const BELIEVE_FOR: Duration = Duration::from_secs(60);
/// So long before they expire tokens are renewed.
const MARGIN: Duration = Duration::from_secs(60);
/// What the provider may take for one answer: clients wait ten seconds for a token.
pub(super) const PROVIDER_TIMEOUT: Duration = Duration::from_secs(8);
/// After so long an instance that was renewing must have died at it.
const LEASE: Duration = Duration::from_secs(12);
/// How long somebody waits for another instance.
const PATIENCE: Duration = Duration::from_secs(14);
/// How long a provider that did not answer is left alone.
const REST: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);
/// How often new tokens are offered to a ledger that fails: they may be the only copy.
const STORE_TRIES: u32 = 5;

/// The tokens that this instance knows.
pub(crate) struct Keeper {
    slots: Cache<GrantId, Arc<Slot>>,
    refused: Cache<GrantId, ()>,
}

/// The place of one sign-in. Whoever holds the lock asks; the others wait and find the answer.
#[derive(Default)]
struct Slot(Mutex<Option<Known>>);

struct Known {
    tokens: Arc<UpstreamTokens>,
    expires_at: Option<Timestamp>,
    as_of: Timestamp,
    /// They could not be renewed just now: so long nobody tries again while they are good.
    rest_until: Option<Timestamp>,
}

impl Known {
    fn new(signed_in: &SignedIn, now: Timestamp) -> Self {
        Self {
            tokens: Arc::new(signed_in.tokens.clone()),
            expires_at: signed_in.expires_at,
            as_of: now,
            rest_until: None,
        }
    }

    /// Whether these may be handed out without asking anybody.
    fn will_do(&self, now: Timestamp) -> bool {
        let rests = self.rest_until.is_some_and(|until| now < until);
        now.since(self.as_of) < BELIEVE_FOR
            && (!is_due(self.expires_at, now) || (rests && !is_over(self.expires_at, now)))
    }
}

fn is_due(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|end| end <= now.plus(MARGIN))
}

fn is_over(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|end| end <= now)
}

impl Keeper {
    pub(crate) fn new() -> Self {
        Self {
            slots: Cache::new(CAPACITY),
            refused: Cache::new(CAPACITY),
        }
    }

    /// Whether it is known here that the sign-in has ended.
    pub(crate) fn is_refused(&self, id: GrantId) -> bool {
        self.refused.peek(&id).is_some()
    }

    /// The provider does not take the tokens of this sign-in any more.
    pub(crate) async fn refuse(&self, app: &App, id: GrantId) {
        if self.refused.peek(&id).is_none() {
            self.refused.insert(id, ());
            tracing::info!(sign_in = ?id, "the provider has ended a sign-in");
            record::end(app, id).await;
        }
        self.slots.remove(&id);
    }

    /// Tokens that are good now.
    pub(crate) async fn current(
        &self,
        app: &App,
        id: GrantId,
    ) -> Result<Arc<UpstreamTokens>, LoginError> {
        if self.is_refused(id) {
            return Err(ended());
        }
        let slot = self
            .slots
            .get_or_insert_with(&id, || Ok::<_, LoginError>(Arc::default()))?;
        let mut known = slot.0.lock().await;
        let now = app.now();
        if let Some(known) = &*known
            && known.will_do(now)
        {
            return Ok(Arc::clone(&known.tokens));
        }
        let asked = tokio::time::timeout(PATIENCE, ask(app, id)).await;
        let asked = asked
            .unwrap_or_else(|_| Err(LoginError::unavailable("another instance does not finish")));
        match (asked, &mut *known) {
            (Ok(fresh), _) => {
                let tokens = Arc::clone(&fresh.tokens);
                *known = Some(fresh);
                Ok(tokens)
            }
            (Err(error @ LoginError::Refused(_)), _) => {
                tracing::info!(sign_in = ?id, %error, "no tokens of the provider");
                *known = None;
                self.refuse(app, id).await;
                Err(error)
            }
            // What is good for a while longer does for now.
            (Err(LoginError::Unavailable(_)), Some(old)) if !is_over(old.expires_at, now) => {
                // The next call does not wait for the ledger again.
                old.as_of = now;
                old.rest_until = Some(now.plus(REST));
                Ok(Arc::clone(&old.tokens))
            }
            (Err(error), _) => {
                tracing::warn!(sign_in = ?id, %error, "tokens of the provider are out of reach");
                Err(error)
            }
        }
    }
}

fn ended() -> LoginError {
    LoginError::refused("the sign-in has ended")
}

/// What the ledger has, renewed if it is due. One instance at a time renews.
async fn ask(app: &App, id: GrantId) -> Result<Known, LoginError> {
    loop {
        let found = record::read(app, id).await.map_err(record::out_of_reach)?;
        let Some(Found {
            version,
            record,
            stage: Stage::SignedIn(signed_in),
        }) = found
        else {
            return Err(ended());
        };
        let now = app.now();
        if !is_due(signed_in.expires_at, now) {
            return Ok(Known::new(&signed_in, now));
        }
        let over = is_over(signed_in.expires_at, now);
        if signed_in.tokens.refresh_token().is_none() {
            return if over {
                Err(LoginError::refused(
                    "the tokens have expired, and cannot be renewed",
                ))
            } else {
                Ok(Known::new(&signed_in, now))
            };
        }
        if signed_in.renewing_until.is_some_and(|until| until > now) {
            if !over {
                return Ok(Known::new(&signed_in, now));
            }
            tokio::time::sleep(POLL).await;
            continue;
        }
        let claim = SignedIn {
            renewing_until: Some(now.plus(LEASE)),
            ..signed_in.clone()
        };
        let stage = Stage::SignedIn(claim);
        let claimed = record::write(app, id, Some(version), stage, record.expires_at).await;
        if claimed.map_err(record::out_of_reach)? == Swap::Done {
            return renew(app, id, signed_in).await;
        }
    }
}

/// Renews the tokens of a sign-in that this instance has claimed.
async fn renew(app: &App, id: GrantId, old: SignedIn) -> Result<Known, LoginError> {
    let asked = tokio::time::timeout(PROVIDER_TIMEOUT, app.login.renew(&old.tokens)).await;
    let asked =
        asked.unwrap_or_else(|_| Err(LoginError::unavailable("the provider does not answer")));
    let now = app.now();
    match asked {
        Ok(next) => {
            let next = SignedIn::new(old.tokens.replaced_by(next), now);
            match store(app, id, &next).await {
                // This instance has the only copy, which does until it has to look again.
                Err(LoginError::Unavailable(why)) => {
                    tracing::error!(sign_in = ?id, %why, "renewed tokens are not stored");
                }
                stored => stored?,
            }
            tracing::info!(sign_in = ?id, "tokens of the provider renewed");
            Ok(Known::new(&next, now))
        }
        Err(LoginError::Refused(why)) => Err(LoginError::Refused(why)),
        Err(unavailable) => {
            let unclaimed = SignedIn {
                renewing_until: None,
                ..old.clone()
            };
            store(app, id, &unclaimed).await?;
            if is_over(old.expires_at, now) {
                Err(unavailable)
            } else {
                Ok(Known {
                    rest_until: Some(now.plus(REST)),
                    ..Known::new(&old, now)
                })
            }
        }
    }
}

/// Writes what this instance knows, over a claim that is its own.
async fn store(app: &App, id: GrantId, next: &SignedIn) -> Result<(), LoginError> {
    let mut pause = POLL;
    for _ in 0..STORE_TRIES {
        match record::read(app, id).await {
            Ok(Some(found)) => {
                let stage = Stage::SignedIn(next.clone());
                let expires_at = found.record.expires_at;
                let written = record::write(app, id, Some(found.version), stage, expires_at).await;
                if written.is_ok_and(|swap| swap == Swap::Done) {
                    return Ok(());
                }
            }
            Ok(None) => return Err(ended()),
            Err(_) => {}
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Err(LoginError::unavailable(
        "the ledger does not take new tokens",
    ))
}
