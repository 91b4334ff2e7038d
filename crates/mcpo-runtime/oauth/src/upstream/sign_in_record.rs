//! The ledger record of a sign-in. It first holds the values of the redirect to the provider, then
//! the tokens.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::login_transaction::LoginTransaction;
use crate::{
    base::{
        clock::{ServerClock, Timestamp},
        error_chain::chain,
        seal::{KeyRing, Purpose, Sealable},
    },
    login::{LoginError, StoredTokens, UpstreamTokens},
    oauth::error::OAuthError,
    store::{GrantId, GrantRecord, GrantStore, REFRESH_LIFETIME, StoreError, Swap, Version},
};

/// A record is written again only if that extends its life by at least this much.
const MIN_EXTENSION: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_ATTEMPTS: usize = 8;

/// The sealed content of a record. It contains the id of its record, so that an attacker who can
/// write to the ledger cannot give one user's tokens to another.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignInRecord {
    id: GrantId,
    stage: SignInStage,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum SignInStage {
    /// The user is at the provider.
    #[serde(rename = "Away")]
    AtProvider(LoginTransaction),
    /// The provider's response is being processed, and the state is used up.
    #[serde(rename = "Back")]
    Returned,
    SignedIn(SignedIn),
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    #[serde(with = "StoredTokens")]
    pub(super) tokens: UpstreamTokens,
    pub(super) expires_at: Option<Timestamp>,
    /// The claim of the instance that is renewing the tokens.
    #[serde(rename = "claim")]
    pub(super) lease: Option<RefreshLease>,
}

/// The claim of one instance to renew the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RefreshLease {
    pub(super) id: [u8; 16],
    pub(super) until: Timestamp,
}

impl Sealable for SignInRecord {
    const PURPOSE: Purpose = Purpose::Upstream;
}

impl SignedIn {
    pub(super) fn new(tokens: UpstreamTokens, now: Timestamp) -> Self {
        Self {
            expires_at: tokens.lifetime().map(|lifetime| now.plus(lifetime)),
            tokens,
            lease: None,
        }
    }
}

/// A record as read from the ledger.
pub(super) struct StoredSignIn {
    pub(super) version: Version,
    pub(super) record: GrantRecord,
    pub(super) stage: SignInStage,
}

/// Reads and writes the records of sign-ins.
pub(crate) struct SignInRecords {
    pub(super) store: Arc<dyn GrantStore>,
    pub(super) keys: KeyRing,
    pub(super) clock: ServerClock,
}

impl SignInRecords {
    pub(crate) const fn new(store: Arc<dyn GrantStore>, keys: KeyRing, clock: ServerClock) -> Self {
        Self { store, keys, clock }
    }

    /// Reads a record. Returns `None` if there is no valid record.
    pub(super) async fn read(&self, id: GrantId) -> Result<Option<StoredSignIn>, OAuthError> {
        let Some(found) = self.store.grant(id).await? else {
            return Ok(None);
        };
        let (version, record) = (found.version, found.record);
        if record.revoked {
            return Ok(None);
        }
        let opened: Option<SignInRecord> = self.keys.open(&record.sealed).ok();
        let opened = opened.filter(|opened| opened.id == id);
        Ok(opened.map(|SignInRecord { stage, .. }| StoredSignIn {
            version,
            record,
            stage,
        }))
    }

    /// Returns the tokens of a record, if it has any.
    pub(super) async fn signed_in(&self, id: GrantId) -> Result<Option<SignedIn>, OAuthError> {
        let found = self.read(id).await?;
        Ok(found.and_then(|found| match found.stage {
            SignInStage::SignedIn(signed_in) => Some(signed_in),
            SignInStage::AtProvider(_) | SignInStage::Returned => None,
        }))
    }

    /// Writes a record in place of the one with this `version`.
    pub(super) async fn write(
        &self,
        id: GrantId,
        version: Option<Version>,
        stage: SignInStage,
        expires_at: Timestamp,
    ) -> Result<Swap, OAuthError> {
        let sealed = self.keys.seal(&SignInRecord { id, stage })?;
        let record = GrantRecord {
            expires_at,
            sealed,
            ..GrantRecord::first(self.clock.now())
        };
        Ok(self.store.swap_grant(id, version, record).await?)
    }

    /// Extends the life of a record to that of the grants that depend on it.
    pub(super) async fn keep_alive(&self, id: GrantId) -> Result<(), LoginError> {
        for _ in 0..MAX_ATTEMPTS {
            let found = self.read(id).await.map_err(store_unavailable)?;
            let Some(StoredSignIn {
                version,
                record,
                stage,
            }) = found
            else {
                return Err(LoginError::refused("the sign-in has ended"));
            };
            let expires_at = self.clock.now().plus(REFRESH_LIFETIME);
            let is_renewed = self.keys.is_sealed_by_first::<SignInRecord>(&record.sealed);
            if is_renewed && expires_at.since(record.expires_at) < MIN_EXTENSION {
                return Ok(());
            }
            // Seals the record again, so that the previous key is not needed any longer than for
            // the tokens.
            let swap = self.write(id, Some(version), stage, expires_at).await;
            if swap.map_err(store_unavailable)? == Swap::Done {
                return Ok(());
            }
        }
        Err(LoginError::unavailable("the ledger is busy"))
    }

    /// Ends a record: deletes its tokens and marks it as revoked.
    pub(super) async fn end(&self, id: GrantId) {
        // If this fails, other instances learn a little later from the provider that the sign-in
        // has ended.
        if let Err(error) = self.try_end(id).await {
            tracing::error!(error = %chain(&error), "cannot record that a sign-in has ended");
        }
    }

    async fn try_end(&self, id: GrantId) -> Result<(), StoreError> {
        while let Some(found) = self.store.grant(id).await? {
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
            if self.store.swap_grant(id, version, ended).await? == Swap::Done {
                break;
            }
        }
        Ok(())
    }
}

/// Maps a ledger error to an error for callers that wait for tokens. The ledger error is already in
/// the log.
pub(super) fn store_unavailable(error: OAuthError) -> LoginError {
    LoginError::Unavailable(error.description)
}
