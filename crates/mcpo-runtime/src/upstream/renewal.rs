//! Renewal of tokens. Only one instance renews at a time, and it always finishes a renewal that it
//! began, because many providers accept a refresh token only once.

use std::{sync::Arc, time::Duration};

use super::{
    keeper::{Known, is_due, is_over},
    record::{self, Claim, Found, SignedIn, Stage},
    tokens::MAX_LEN,
};
use crate::{app::App, ledger::GrantId, ledger::Swap, login::LoginError, random};

/// The time limit for one response of the provider. Clients wait ten seconds for a token.
pub(super) const PROVIDER_TIMEOUT: Duration = Duration::from_secs(8);
/// After this time, an instance that was renewing must have failed. Covers the provider's time
/// limit and the time to store the new tokens.
const LEASE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// How often to try to store new tokens if the ledger fails: they may be the only copy.
const STORE_TRIES: u32 = 5;

/// Returns the tokens in the ledger, renewed if they are due.
pub(super) async fn current(app: &App, id: GrantId) -> Result<Known, LoginError> {
    loop {
        let Some(found) = record::read(app, id).await.map_err(record::out_of_reach)? else {
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
        let now = app.now();
        if !is_due(signed_in.expires_at, now) {
            return Ok(Known::new(&signed_in, app.moment()));
        }
        let over = is_over(signed_in.expires_at, now);
        if signed_in.tokens.refresh_token().is_none() {
            return if over {
                let why = "the tokens have expired, and cannot be renewed";
                Err(LoginError::refused(why))
            } else {
                Ok(Known::new(&signed_in, app.moment()))
            };
        }
        if signed_in.claim.is_some_and(|claim| claim.until > now) {
            // The provider may invalidate the old token at any moment, so it is not used any more.
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
        let written = record::write(app, id, Some(version), stage, record.expires_at).await;
        if written.map_err(record::out_of_reach)? == Swap::Done {
            return to_the_end(app, id, claimed, claim).await;
        }
    }
}

fn ended() -> LoginError {
    LoginError::refused("the sign-in has ended")
}

/// Runs the renewal in its own task. The caller may be gone before the provider responds, and the
/// new tokens must not be lost.
async fn to_the_end(
    app: &App,
    id: GrantId,
    old: SignedIn,
    claim: Claim,
) -> Result<Known, LoginError> {
    let stopping = || LoginError::unavailable("the server is stopping");
    let app = app.shared().ok_or_else(stopping)?;
    let renewing = tokio::spawn(async move { renew(&app, id, &old, claim).await });
    renewing.await.unwrap_or_else(|_| Err(stopping()))
}

/// Renews the tokens of a sign-in that this instance has claimed.
async fn renew(
    app: &Arc<App>,
    id: GrantId,
    old: &SignedIn,
    claim: Claim,
) -> Result<Known, LoginError> {
    let asked = tokio::time::timeout(PROVIDER_TIMEOUT, app.login.renew(&old.tokens)).await;
    let asked =
        asked.unwrap_or_else(|_| Err(LoginError::unavailable("the provider does not answer")));
    let now = app.now();
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
            match store(app, id, &next, claim).await {
                // This instance has the only copy, which is enough until the next read from the
                // ledger.
                Err(LoginError::Unavailable(why)) => {
                    tracing::error!(sign_in = ?id, %why, "cannot store renewed tokens");
                }
                stored => stored?,
            }
            tracing::info!(sign_in = ?id, "tokens of the provider renewed");
            Ok(Known::new(&next, app.moment()))
        }
        Err(LoginError::Refused(why)) => match record::signed_in(app, id).await {
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
            store(app, id, &unclaimed, claim).await?;
            if is_over(old.expires_at, now) {
                Err(unavailable)
            } else {
                Ok(Known::new(old, app.moment()))
            }
        }
    }
}

/// Replaces the claim of this instance with `next`, and nothing else.
async fn store(app: &App, id: GrantId, next: &SignedIn, claim: Claim) -> Result<(), LoginError> {
    let mut pause = POLL;
    for _ in 0..STORE_TRIES {
        match record::read(app, id).await {
            Ok(Some(Found {
                version,
                record,
                stage: Stage::SignedIn(found),
            })) if found.claim == Some(claim) => {
                let stage = Stage::SignedIn(next.clone());
                let written = record::write(app, id, Some(version), stage, record.expires_at).await;
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
