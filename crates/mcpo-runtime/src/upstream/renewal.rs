//! Renewing tokens: by one instance at a time, and to the end once it has begun, because many
//! providers take a refresh token once.

use std::{sync::Arc, time::Duration};

use super::{
    keeper::{Known, is_due, is_over},
    record::{self, Claim, Found, SignedIn, Stage},
    tokens::MAX_LEN,
};
use crate::{app::App, ledger::GrantId, ledger::Swap, login::LoginError, random};

/// What the provider may take for one answer: clients wait ten seconds for a token.
pub(super) const PROVIDER_TIMEOUT: Duration = Duration::from_secs(8);
/// After so long an instance that was renewing must have died at it: the provider's time, and what it
/// may take to store what comes of it.
const LEASE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// How often new tokens are offered to a ledger that fails: they may be the only copy.
const STORE_TRIES: u32 = 5;

/// What the ledger has, renewed if it is due.
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
            // The provider may end the old token at any moment now, so nobody gets it any more.
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

/// Whoever asked may be gone before the provider has answered; what it answers may not be lost.
async fn to_the_end(
    app: &App,
    id: GrantId,
    old: SignedIn,
    claim: Claim,
) -> Result<Known, LoginError> {
    let stopping = || LoginError::unavailable("the server stops");
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
                    "the provider's new tokens are too long to be kept"
                );
                return Err(LoginError::refused("the new tokens are too long"));
            }
            match store(app, id, &next, claim).await {
                // This instance has the only copy, which does until it has to look again.
                Err(LoginError::Unavailable(why)) => {
                    tracing::error!(sign_in = ?id, %why, "renewed tokens are not stored");
                }
                stored => stored?,
            }
            tracing::info!(sign_in = ?id, "tokens of the provider renewed");
            Ok(Known::new(&next, app.moment()))
        }
        Err(LoginError::Refused(why)) => match record::signed_in(app, id).await {
            // Somebody else took over, and has spent the refresh token in our place.
            Ok(Some(found)) if found.claim != Some(claim) => {
                Err(LoginError::unavailable("another instance has renewed them"))
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

/// Writes what this instance knows in place of its own claim, and of nothing else.
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
        "the ledger does not take new tokens",
    ))
}
