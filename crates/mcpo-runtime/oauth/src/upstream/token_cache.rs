//! Provides the current tokens of a sign-in, with as few requests to the ledger and the provider as
//! possible.

use std::{sync::Arc, time::Duration};

use quick_cache::sync::Cache;
use tokio::sync::Mutex;

use super::{
    refresh::PROVIDER_TIMEOUT,
    sign_in_record::{SignInRecords, SignedIn},
};
use crate::{
    base::{
        clock::{Moment, ServerClock, Timestamp},
        seal::KeyRing,
    },
    login::{CredentialVersions, Login, LoginError, Subject, UpstreamToken, UpstreamTokens},
    store::{GrantId, GrantStore},
};

/// How many sign-ins an instance caches.
const MAX_CACHED: usize = 10_000;
/// How long tokens from the ledger are used without reading the ledger again.
const CACHE_LIFETIME: Duration = Duration::from_secs(60);
/// Tokens are renewed this long before they expire.
const REFRESH_MARGIN: Duration = Duration::from_secs(60);
/// How long a caller waits for tokens, even if another instance renews them.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(14);
/// How long to wait before retrying a provider or a ledger that did not respond.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The tokens that this instance has cached.
#[expect(missing_debug_implementations, reason = "only mcpo-runtime uses it")]
pub struct TokenCache {
    pub(crate) records: SignInRecords,
    pub(super) login: Arc<dyn Login>,
    slots: Cache<GrantId, Arc<Slot>>,
    refused: Cache<GrantId, ()>,
}

/// The cache entry of one sign-in. The task that holds the lock fetches the tokens; the other tasks
/// wait for its result.
#[derive(Default)]
struct Slot(Mutex<SlotState>);

#[derive(Default)]
struct SlotState {
    known: Option<CachedTokens>,
    /// The time and the error of the last failure. For a while, this error is returned without a
    /// retry.
    failed: Option<(Moment, LoginError)>,
}

/// Tokens as read from the ledger.
pub(super) struct CachedTokens {
    tokens: Arc<UpstreamTokens>,
    expires_at: Option<Timestamp>,
    as_of: Moment,
}

impl CachedTokens {
    pub(super) fn new(signed_in: &SignedIn, now: Moment) -> Self {
        Self {
            tokens: Arc::new(signed_in.tokens.clone()),
            expires_at: signed_in.expires_at,
            as_of: now,
        }
    }
}

pub(super) fn is_due(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|end| end <= now.plus(REFRESH_MARGIN))
}

pub(super) fn is_over(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|end| end <= now)
}

impl SlotState {
    /// Returns the result if the cached state is enough.
    fn cached(&self, clock: &ServerClock) -> Option<Result<Arc<UpstreamTokens>, LoginError>> {
        let (moment, now) = (clock.moment(), clock.now());
        let failed = self.failed.as_ref();
        let failed = failed.filter(|(since, _)| moment.since(*since) < RETRY_INTERVAL);
        if let Some(known) = &self.known {
            let fresh =
                moment.since(known.as_of) < CACHE_LIFETIME && !is_due(known.expires_at, now);
            if fresh || (failed.is_some() && !is_over(known.expires_at, now)) {
                return Some(Ok(Arc::clone(&known.tokens)));
            }
        }
        failed.map(|(_, error)| Err(error.clone()))
    }
}

/// Why there is no access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// The sign-in has ended.
    Refused,
    /// The provider or the ledger is unreachable.
    Unavailable,
}

impl TokenCache {
    pub(crate) fn new(
        store: Arc<dyn GrantStore>,
        keys: KeyRing,
        clock: ServerClock,
        login: Arc<dyn Login>,
    ) -> Self {
        Self {
            records: SignInRecords::new(store, keys, clock),
            login,
            slots: Cache::new(MAX_CACHED),
            refused: Cache::new(MAX_CACHED),
        }
    }

    /// Returns true if this instance knows that the sign-in has ended.
    pub(crate) fn is_refused(&self, id: GrantId) -> bool {
        self.refused.peek(&id).is_some()
    }

    /// Handles the rejection of `token` by the provider. Returns true if the sign-in has ended. The
    /// sign-in continues if the token was replaced in the meantime.
    pub async fn refuse(&self, id: GrantId, token: &str) -> bool {
        if self.is_refused(id) {
            return true;
        }
        self.slots.remove(&id);
        match self.records.signed_in(id).await {
            Ok(Some(found)) => {
                let is_current = found.tokens.access_token() == token;
                if is_current {
                    self.end(id).await;
                }
                is_current
            }
            Ok(None) => true,
            // It is unknown whether the token was replaced. The next attempt will show it.
            Err(_) => false,
        }
    }

    async fn end(&self, id: GrantId) {
        self.refused.insert(id, ());
        tracing::info!(sign_in = ?id, "the provider ended a sign-in");
        self.records.end(id).await;
    }

    /// Returns an access token that is valid now.
    pub async fn current_token(self: &Arc<Self>, id: GrantId) -> Result<UpstreamToken, NoToken> {
        match self.current(id).await {
            Ok(tokens) => Ok(UpstreamToken::new(tokens.access_token())),
            Err(LoginError::Refused(_)) => Err(NoToken::Refused),
            Err(LoginError::Unavailable(_)) => Err(NoToken::Unavailable),
        }
    }

    /// Returns tokens that are valid now.
    pub(crate) async fn current(
        self: &Arc<Self>,
        id: GrantId,
    ) -> Result<Arc<UpstreamTokens>, LoginError> {
        let clock = &self.records.clock;
        if self.is_refused(id) {
            return Err(LoginError::refused("the sign-in has ended"));
        }
        let slot = self
            .slots
            .get_or_insert_with(&id, || Ok::<_, LoginError>(Arc::default()))?;
        let mut state = slot.0.lock().await;
        if let Some(answer) = state.cached(clock) {
            return answer;
        }
        let asked = tokio::time::timeout(TOKEN_TIMEOUT, self.load(id)).await;
        let asked = asked
            .unwrap_or_else(|_| Err(LoginError::unavailable("renewing the tokens took too long")));
        match asked {
            Ok(known) => {
                let tokens = Arc::clone(&known.tokens);
                let failed = is_due(known.expires_at, clock.now());
                *state = SlotState {
                    // The tokens are due for renewal, but could not be renewed just now.
                    failed: failed.then(|| {
                        let error = LoginError::unavailable("the provider does not answer");
                        (clock.moment(), error)
                    }),
                    known: Some(known),
                };
                Ok(tokens)
            }
            Err(error @ LoginError::Refused(_)) => {
                tracing::info!(sign_in = ?id, %error, "cannot get tokens of the provider");
                *state = SlotState::default();
                self.end(id).await;
                Err(error)
            }
            Err(error) => {
                tracing::warn!(sign_in = ?id, %error, "tokens of the provider are unavailable");
                state.failed = Some((clock.moment(), error));
                // Tokens that have not expired yet are still usable.
                let answer = state.cached(clock);
                answer.unwrap_or_else(|| Err(LoginError::unavailable("no tokens are known")))
            }
        }
    }

    /// Checks that `subject` is still allowed, including with the provider, and extends the life of
    /// the ledger record of the sign-in.
    pub(crate) async fn recheck(
        self: &Arc<Self>,
        subject: &Subject,
        credential_versions: &CredentialVersions,
    ) -> Result<(), LoginError> {
        if !subject.is_current(credential_versions) {
            return Err(LoginError::refused("the sign-in is no longer valid"));
        }
        let tokens = match subject.upstream {
            Some(id) => Some(self.current(id).await?),
            None => None,
        };
        let identity = subject.identity();
        let asked = self.login.recheck(&identity, tokens.as_deref());
        tokio::time::timeout(PROVIDER_TIMEOUT, asked)
            .await
            .unwrap_or_else(|_| Err(LoginError::unavailable("the provider does not answer")))?;
        if let Some(id) = subject.upstream {
            self.records.keep_alive(id).await?;
        }
        Ok(())
    }
}
