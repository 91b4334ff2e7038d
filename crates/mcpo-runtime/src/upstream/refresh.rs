//! Renewal of tokens. Only one instance renews at a time, and it always finishes a renewal that it
//! began, because many providers accept a refresh token only once.

use std::{sync::Arc, time::Duration};

use super::{
    sign_in_record::{Claim, Found, SignedIn, Stage, out_of_reach},
    token_cache::{Keeper, Known, is_due, is_over},
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
const LEASE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// How often to try to store new tokens if the ledger fails: they may be the only copy.
const STORE_TRIES: u32 = 5;

impl Keeper {
    /// Returns the tokens in the ledger, renewed if they are due.
    pub(super) async fn stored(self: &Arc<Self>, id: GrantId) -> Result<Known, LoginError> {
        loop {
            let Some(found) = self.records.read(id).await.map_err(out_of_reach)? else {
                return Err(ended());
            };
            let Found {
                version,
                record,
                stage: Stage::SignedIn(signed_in),
            } = found
            else {
                return Err(ended());
            };
            let now = self.records.clock.now();
            if !is_due(signed_in.expires_at, now) {
                return Ok(Known::new(&signed_in, self.records.clock.moment()));
            }
            let over = is_over(signed_in.expires_at, now);
            if signed_in.tokens.refresh_token().is_none() {
                return if over {
                    let why = "the tokens have expired, and cannot be renewed";
                    Err(LoginError::refused(why))
                } else {
                    Ok(Known::new(&signed_in, self.records.clock.moment()))
                };
            }
            if signed_in.claim.is_some_and(|claim| claim.until > now) {
                // The provider may invalidate the old token at any moment, so it is not used any
                // more.
                tokio::time::sleep(POLL).await;
                continue;
            }
            let claim = Claim {
                id: random::bytes().map_err(|_| LoginError::unavailable("no randomness"))?,
                until: now.plus(LEASE),
            };
            let claimed = SignedIn {
                claim: Some(claim),
                ..signed_in
            };
            let stage = Stage::SignedIn(claimed.clone());
            let written = self
                .records
                .write(id, Some(version), stage, record.expires_at)
                .await;
            if written.map_err(out_of_reach)? == Swap::Done {
                return self.to_the_end(id, claimed, claim).await;
            }
        }
    }

    /// Runs the renewal in its own task. The caller may be gone before the provider responds, and
    /// the new tokens must not be lost.
    async fn to_the_end(
        self: &Arc<Self>,
        id: GrantId,
        old: SignedIn,
        claim: Claim,
    ) -> Result<Known, LoginError> {
        let stopping = || LoginError::unavailable("the server is stopping");
        let cache = Arc::clone(self);
        let renewing = tokio::spawn(async move { cache.renew(id, &old, claim).await });
        renewing.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// Renews the tokens of a sign-in that this instance has claimed.
    async fn renew(&self, id: GrantId, old: &SignedIn, claim: Claim) -> Result<Known, LoginError> {
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
                match self.store(id, &next, claim).await {
                    // This instance has the only copy, which is enough until the next read from the
                    // ledger.
                    Err(LoginError::Unavailable(why)) => {
                        tracing::error!(sign_in = ?id, %why, "cannot store renewed tokens");
                    }
                    stored => stored?,
                }
                tracing::info!(sign_in = ?id, "tokens of the provider renewed");
                Ok(Known::new(&next, self.records.clock.moment()))
            }
            Err(LoginError::Refused(why)) => match self.records.signed_in(id).await {
                // Another instance took over and has used the refresh token.
                Ok(Some(found)) if found.claim != Some(claim) => {
                    Err(LoginError::unavailable("another instance has new tokens"))
                }
                _ => Err(LoginError::Refused(why)),
            },
            Err(unavailable) => {
                let unclaimed = SignedIn {
                    claim: None,
                    ..old.clone()
                };
                self.store(id, &unclaimed, claim).await?;
                if is_over(old.expires_at, now) {
                    Err(unavailable)
                } else {
                    Ok(Known::new(old, self.records.clock.moment()))
                }
            }
        }
    }

    /// Replaces the claim of this instance with `next`, and nothing else.
    async fn store(&self, id: GrantId, next: &SignedIn, claim: Claim) -> Result<(), LoginError> {
        let mut pause = POLL;
        for _ in 0..STORE_TRIES {
            match self.records.read(id).await {
                Ok(Some(Found {
                    version,
                    record,
                    stage: Stage::SignedIn(found),
                })) if found.claim == Some(claim) => {
                    let stage = Stage::SignedIn(next.clone());
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
