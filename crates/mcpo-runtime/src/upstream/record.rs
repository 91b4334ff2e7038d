//! The ledger record of a sign-in. It first holds the values of the redirect to the provider, then
//! the tokens.

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

/// How long a user may take at the provider.
const TRIP_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A record is written again only if that extends its life by at least this much.
const WORTH_WRITING: Duration = Duration::from_secs(24 * 60 * 60);
const TRIES: usize = 8;

/// The sealed content of a record. It contains the id of its record, so that an attacker who can
/// write to the ledger cannot give one user's tokens to another.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    id: GrantId,
    stage: Stage,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// The user is at the provider.
    Away(Trip),
    /// The provider's response is being processed, and the state is used up.
    Back,
    SignedIn(SignedIn),
}

/// A redirect of one browser to the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trip {
    pub(crate) browser: [u8; 16],
    /// The query of the authorization request that the user has allowed.
    pub(crate) query: String,
    pub(crate) secrets: Secrets,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    pub(super) tokens: UpstreamTokens,
    pub(super) expires_at: Option<Timestamp>,
    /// The claim of the instance that is renewing the tokens.
    pub(super) claim: Option<Claim>,
}

/// The claim of one instance to renew the tokens.
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

/// A record as read from the ledger.
pub(super) struct Found {
    pub(super) version: Version,
    pub(super) record: GrantRecord,
    pub(super) stage: Stage,
}

/// Reads a record. Returns `None` if there is no valid record.
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

/// Returns the tokens of a record, if it has any.
pub(super) async fn signed_in(app: &App, id: GrantId) -> Result<Option<SignedIn>, OAuthError> {
    let found = read(app, id).await?;
    Ok(found.and_then(|found| match found.stage {
        Stage::SignedIn(signed_in) => Some(signed_in),
        Stage::Away(_) | Stage::Back => None,
    }))
}

/// Writes a record in place of the one with this `version`.
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

/// Stores a redirect. Its id is the `state` of the request to the provider.
pub(crate) async fn start_trip(app: &App, trip: Trip) -> Result<GrantId, OAuthError> {
    let id = GrantId::random()?;
    let expires_at = app.now().plus(TRIP_LIFETIME);
    match write(app, id, None, Stage::Away(trip), expires_at).await? {
        Swap::Done => Ok(id),
        Swap::Conflict => Err(crate::seal::SealError.into()),
    }
}

/// Returns the redirect with this id and its version, if the user is still at the provider.
/// [`spend_trip`] needs the version.
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

/// Marks a redirect as used. Returns false if another request has just done so.
pub(crate) async fn spend_trip(
    app: &App,
    id: GrantId,
    version: Version,
) -> Result<bool, OAuthError> {
    let expires_at = app.now().plus(TRIP_LIFETIME);
    let swap = write(app, id, Some(version), Stage::Back, expires_at).await?;
    Ok(swap == Swap::Done)
}

/// Stores the tokens of a finished redirect in its record.
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
            "the provider's tokens are too long to store"
        );
        return Err(OAuthError::new(
            crate::oauth_error::ErrorCode::ServerError,
            "the tokens of the sign-in provider are too long for this server",
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

/// Extends the life of a record to that of the grants that depend on it.
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
        // Seals the record again, so that the previous key is not needed any longer than for the
        // tokens.
        let swap = write(app, id, Some(version), stage, expires_at).await;
        if swap.map_err(out_of_reach)? == Swap::Done {
            return Ok(());
        }
    }
    Err(LoginError::unavailable("the ledger is busy"))
}

/// Maps a ledger error to an error for callers that wait for tokens. The ledger error is already in
/// the log.
pub(super) fn out_of_reach(error: OAuthError) -> LoginError {
    LoginError::Unavailable(error.description)
}

/// Ends a record: deletes its tokens and marks it as revoked.
pub(super) async fn end(app: &App, id: GrantId) {
    // If this fails, other instances learn a little later from the provider that the sign-in has
    // ended.
    if let Err(error) = try_end(app, id).await {
        tracing::error!(error = %chain(&error), "cannot record that a sign-in has ended");
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
        // A conflict means that another instance changed the record, so read it again.
        if app.ledger.swap_grant(id, version, ended).await? == Swap::Done {
            break;
        }
    }
    Ok(())
}
