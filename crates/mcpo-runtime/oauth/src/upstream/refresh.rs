//! Renewal of tokens. Only one instance renews at a time, and it always finishes a renewal that it
//! began, because many providers accept a refresh token only once.

use std::{sync::Arc, time::Duration};

use super::{
    sign_in_record::{RefreshLease, SignInStage, SignedIn, StoredSignIn, store_unavailable},
    token_cache::{CachedTokens, TokenCache, is_due, is_over},
};
use crate::{
    base::random,
    login::{LoginError, upstream_tokens::MAX_LEN},
    store::{GrantId, Swap},
};

/// The time limit for one response of the provider. Clients wait ten seconds for a token.
pub(super) const PROVIDER_TIMEOUT: Duration = Duration::from_secs(8);
/// After this time, an instance that was renewing must have failed. Covers the provider's time
/// limit and the time to store the new tokens.
const LEASE_LIFETIME: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How often to try to store new tokens if the ledger fails: they may be the only copy.
const MAX_STORE_ATTEMPTS: u32 = 5;

impl TokenCache {
    /// Returns the tokens in the ledger, renewed if they are due.
    pub(super) async fn load(self: &Arc<Self>, id: GrantId) -> Result<CachedTokens, LoginError> {
        loop {
            let Some(found) = self.records.read(id).await.map_err(store_unavailable)? else {
                return Err(ended());
            };
            let StoredSignIn {
                version,
                record,
                stage: SignInStage::SignedIn(signed_in),
            } = found
            else {
                return Err(ended());
            };
            let now = self.records.clock.now();
            if !is_due(signed_in.expires_at, now) {
                return Ok(CachedTokens::new(&signed_in, self.records.clock.moment()));
            }
            let over = is_over(signed_in.expires_at, now);
            if signed_in.tokens.refresh_token().is_none() {
                return if over {
                    let why = "the tokens have expired, and cannot be renewed";
                    Err(LoginError::refused(why))
                } else {
                    Ok(CachedTokens::new(&signed_in, self.records.clock.moment()))
                };
            }
            if signed_in.lease.is_some_and(|lease| lease.until > now) {
                // The provider may invalidate the old token at any moment, so it is not used any
                // more.
                tokio::time::sleep(POLL_INTERVAL).await;
                continue;
            }
            let lease = RefreshLease {
                id: random::bytes().map_err(|_| LoginError::unavailable("no randomness"))?,
                until: now.plus(LEASE_LIFETIME),
            };
            let leased = SignedIn {
                lease: Some(lease),
                ..signed_in
            };
            let stage = SignInStage::SignedIn(leased.clone());
            let written = self
                .records
                .write(id, Some(version), stage, record.expires_at)
                .await;
            if written.map_err(store_unavailable)? == Swap::Done {
                return self.refresh_to_completion(id, leased, lease).await;
            }
        }
    }

    /// Runs the renewal in its own task. The caller may be gone before the provider responds, and
    /// the new tokens must not be lost.
    async fn refresh_to_completion(
        self: &Arc<Self>,
        id: GrantId,
        old: SignedIn,
        lease: RefreshLease,
    ) -> Result<CachedTokens, LoginError> {
        let stopping = || LoginError::unavailable("the server is stopping");
        let cache = Arc::clone(self);
        let renewing = tokio::spawn(async move { cache.renew(id, &old, lease).await });
        renewing.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// Renews the tokens of a sign-in that this instance has claimed.
    async fn renew(
        &self,
        id: GrantId,
        old: &SignedIn,
        lease: RefreshLease,
    ) -> Result<CachedTokens, LoginError> {
        let asked = tokio::time::timeout(PROVIDER_TIMEOUT, self.login.renew(&old.tokens)).await;
        let asked =
            asked.unwrap_or_else(|_| Err(LoginError::unavailable("the provider does not answer")));
        let now = self.records.clock.now();
        match asked {
            Ok(next) => {
                let next = SignedIn::new(old.tokens.replaced_by(next), now);
                if next.tokens.len() > MAX_LEN {
                    tracing::error!(
                        bytes = next.tokens.len(),
                        limit = MAX_LEN,
                        "the provider's new tokens are too long to store"
                    );
                    return Err(LoginError::refused("the new tokens are too long"));
                }
                match self.store(id, &next, lease).await {
                    // This instance has the only copy, which is enough until the next read from the
                    // ledger.
                    Err(LoginError::Unavailable(why)) => {
                        tracing::error!(sign_in = ?id, %why, "cannot store renewed tokens");
                    }
                    load => load?,
                }
                tracing::info!(sign_in = ?id, "tokens of the provider renewed");
                Ok(CachedTokens::new(&next, self.records.clock.moment()))
            }
            Err(LoginError::Refused(why)) => match self.records.signed_in(id).await {
                // Another instance took over and has used the refresh token.
                Ok(Some(found)) if found.lease != Some(lease) => {
                    Err(LoginError::unavailable("another instance has new tokens"))
                }
                _ => Err(LoginError::Refused(why)),
            },
            Err(unavailable) => {
                let released = SignedIn {
                    lease: None,
                    ..old.clone()
                };
                self.store(id, &released, lease).await?;
                if is_over(old.expires_at, now) {
                    Err(unavailable)
                } else {
                    Ok(CachedTokens::new(old, self.records.clock.moment()))
                }
            }
        }
    }

    /// Replaces the claim of this instance with `next`, and nothing else.
    async fn store(
        &self,
        id: GrantId,
        next: &SignedIn,
        lease: RefreshLease,
    ) -> Result<(), LoginError> {
        let mut pause = POLL_INTERVAL;
        for _ in 0..MAX_STORE_ATTEMPTS {
            match self.records.read(id).await {
                Ok(Some(StoredSignIn {
                    version,
                    record,
                    stage: SignInStage::SignedIn(found),
                })) if found.lease == Some(lease) => {
                    let stage = SignInStage::SignedIn(next.clone());
                    let written = self
                        .records
                        .write(id, Some(version), stage, record.expires_at)
                        .await;
                    if written.is_ok_and(|swap| swap == Swap::Done) {
                        return Ok(());
                    }
                }
                Ok(Some(_)) => {
                    return Err(LoginError::unavailable("another instance has taken over"));
                }
                Ok(None) => return Err(ended()),
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(LoginError::unavailable(
            "the ledger does not accept new tokens",
        ))
    }
}

fn ended() -> LoginError {
    LoginError::refused("the sign-in has ended")
}
