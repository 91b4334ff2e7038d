//! The record of a sign-in: first what belongs to the trip to the provider, then the tokens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{UpstreamTokens, tokens::MAX_LEN};
use crate::{
    app::App,
    clock::Timestamp,
    grant::REFRESH_LIFETIME,
    ledger::{GrantId, GrantRecord, LedgerError, Swap, Version},
    login::{LoginError, Secrets},
    oauth_error::{OAuthError, chain},
    seal::{Purpose, Sealable},
};

/// How long a person may take at the provider.
const TRIP_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A record is written again only when that adds so much to its life.
const WORTH_WRITING: Duration = Duration::from_secs(24 * 60 * 60);
const TRIES: usize = 8;

/// What is sealed in the record, which is bound to it by its id: who can write to the ledger must
/// not be able to give one person's tokens to another.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    id: GrantId,
    stage: Stage,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// The person is at the provider.
    Away(Trip),
    /// The provider's answer is being looked at: the state is spent.
    Back,
    SignedIn(SignedIn),
}

/// A trip of one browser to the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trip {
    pub(crate) browser: [u8; 16],
    /// The query of the authorization request that the person has allowed.
    pub(crate) query: String,
    pub(crate) secrets: Secrets,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    pub(super) tokens: UpstreamTokens,
    pub(super) expires_at: Option<Timestamp>,
    /// Which instance is renewing the tokens.
    pub(super) claim: Option<Claim>,
}

/// One instance's claim to renew tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) id: [u8; 16],
    pub(super) until: Timestamp,
}

impl Sealable for Kept {
    const PURPOSE: Purpose = Purpose::Upstream;
}

impl SignedIn {
    pub(super) fn new(tokens: UpstreamTokens, now: Timestamp) -> Self {
        Self {
            expires_at: tokens.lifetime().map(|lifetime| now.plus(lifetime)),
            tokens,
            claim: None,
        }
    }
}

/// A record as it was read.
pub(super) struct Found {
    pub(super) version: Version,
    pub(super) record: GrantRecord,
    pub(super) stage: Stage,
}

/// Reads a record; `None` if there is none that counts.
pub(super) async fn read(app: &App, id: GrantId) -> Result<Option<Found>, OAuthError> {
    let Some(found) = app.ledger.grant(id).await? else {
        return Ok(None);
    };
    let (version, record) = (found.version, found.record);
    if record.revoked {
        return Ok(None);
    }
    let kept: Option<Kept> = app.keys.open(&record.sealed).ok();
    let kept = kept.filter(|kept| kept.id == id);
    Ok(kept.map(|Kept { stage, .. }| Found {
        version,
        record,
        stage,
    }))
}

/// The tokens that a record has, if it has any.
pub(super) async fn signed_in(app: &App, id: GrantId) -> Result<Option<SignedIn>, OAuthError> {
    let found = read(app, id).await?;
    Ok(found.and_then(|found| match found.stage {
        Stage::SignedIn(signed_in) => Some(signed_in),
        Stage::Away(_) | Stage::Back => None,
    }))
}

/// Writes a record in place of the one with `version`.
pub(super) async fn write(
    app: &App,
    id: GrantId,
    version: Option<Version>,
    stage: Stage,
    expires_at: Timestamp,
) -> Result<Swap, OAuthError> {
    let sealed = app.keys.seal(&Kept { id, stage })?;
    let record = GrantRecord {
        expires_at,
        sealed,
        ..GrantRecord::first(app.now())
    };
    Ok(app.ledger.swap_grant(id, version, record).await?)
}

/// Remembers a trip; its id is the `state` of the request to the provider.
pub(crate) async fn start_trip(app: &App, trip: Trip) -> Result<GrantId, OAuthError> {
    let id = GrantId::random()?;
    let expires_at = app.now().plus(TRIP_LIFETIME);
    match write(app, id, None, Stage::Away(trip), expires_at).await? {
        Swap::Done => Ok(id),
        Swap::Conflict => Err(crate::seal::SealError.into()),
    }
}

/// The trip with this id, if somebody is still away, and what to spend it by.
pub(crate) async fn open_trip(
    app: &App,
    id: GrantId,
) -> Result<Option<(Trip, Version)>, OAuthError> {
    let found = read(app, id).await?;
    Ok(found.and_then(|found| match found.stage {
        Stage::Away(trip) => Some((trip, found.version)),
        Stage::Back | Stage::SignedIn(_) => None,
    }))
}

/// Ends a trip; false if somebody else has just done so.
pub(crate) async fn spend_trip(
    app: &App,
    id: GrantId,
    version: Version,
) -> Result<bool, OAuthError> {
    let expires_at = app.now().plus(TRIP_LIFETIME);
    let swap = write(app, id, Some(version), Stage::Back, expires_at).await?;
    Ok(swap == Swap::Done)
}

/// Keeps the tokens that a trip has brought, in its record.
pub(crate) async fn finish_trip(
    app: &App,
    id: GrantId,
    tokens: UpstreamTokens,
) -> Result<(), OAuthError> {
    let gone = || OAuthError::invalid_request("the sign-in took too long, start again");
    if tokens.len() > MAX_LEN {
        tracing::error!(
            bytes = tokens.len(),
            limit = MAX_LEN,
            "the provider's tokens are too long to be kept"
        );
        return Err(OAuthError::new(
            crate::oauth_error::ErrorCode::ServerError,
            "the tokens of the place where you sign in are too long for this server",
        ));
    }
    let found = read(app, id).await?.ok_or_else(gone)?;
    let Stage::Back = found.stage else {
        return Err(gone());
    };
    let now = app.now();
    let stage = Stage::SignedIn(SignedIn::new(tokens, now));
    let expires_at = now.plus(REFRESH_LIFETIME);
    match write(app, id, Some(found.version), stage, expires_at).await? {
        Swap::Done => Ok(()),
        Swap::Conflict => Err(gone()),
    }
}

/// Lets a record live as long as the grants that rest on it.
pub(super) async fn keep_alive(app: &App, id: GrantId) -> Result<(), LoginError> {
    for _ in 0..TRIES {
        let found = read(app, id).await.map_err(out_of_reach)?;
        let Some(Found {
            version,
            record,
            stage,
        }) = found
        else {
            return Err(LoginError::refused("the sign-in has ended"));
        };
        let expires_at = app.now().plus(REFRESH_LIFETIME);
        let is_renewed = app.keys.is_sealed_by_first::<Kept>(&record.sealed);
        if is_renewed && expires_at.since(record.expires_at) < WORTH_WRITING {
            return Ok(());
        }
        // Sealed again, so that the key before is needed no longer than it is for the tokens.
        let swap = write(app, id, Some(version), stage, expires_at).await;
        if swap.map_err(out_of_reach)? == Swap::Done {
            return Ok(());
        }
    }
    Err(LoginError::unavailable("the ledger is busy"))
}

/// What the ledger's failing means for somebody who waits for tokens. It is in the log already.
pub(super) fn out_of_reach(error: OAuthError) -> LoginError {
    LoginError::Unavailable(error.description)
}

/// Ends a record: nobody gets tokens of it any more, and none are left in it.
pub(super) async fn end(app: &App, id: GrantId) {
    // Whoever holds a token of this sign-in finds out here or, a little later, from the provider.
    if let Err(error) = try_end(app, id).await {
        tracing::error!(error = %chain(&error), "cannot note that a sign-in has ended");
    }
}

async fn try_end(app: &App, id: GrantId) -> Result<(), LedgerError> {
    while let Some(found) = app.ledger.grant(id).await? {
        if found.record.revoked {
            break;
        }
        let ended = GrantRecord {
            revoked: true,
            sealed: String::new(),
            ..found.record
        };
        let version = Some(found.version);
        // A conflict means that somebody else changed the record: look again.
        if app.ledger.swap_grant(id, version, ended).await? == Swap::Done {
            break;
        }
    }
    Ok(())
}
