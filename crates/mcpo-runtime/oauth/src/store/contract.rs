//! The contract of every grant store, and the record of a grant.

use std::{error::Error as StdError, fmt, pin::Pin, time::Duration};

use serde::{Deserialize, Serialize};

use crate::base::{
    clock::Timestamp,
    random::{self, RandomError},
};

/// How long a grant lives after its last refresh.
pub(crate) const REFRESH_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The return type of every method of a [`GrantStore`].
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Shared storage of all instances of a server.
pub trait GrantStore: Send + Sync + 'static {
    /// Returns the record of a grant, or `None` if the grant has no record or it has expired.
    fn grant(&self, id: GrantId) -> StoreFuture<'_, Option<Versioned>>;

    /// Replaces the record of a grant if its version is still `expected` (`None`: if it has no
    /// record). If several calls, on any number of instances, expect the same version, exactly one
    /// of them returns [`Swap::Done`].
    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> StoreFuture<'_, Swap>;

    /// Returns by how many seconds the ledger's clock is ahead of the clock that this ledger was
    /// created with, or `None` if the ledger has no separate clock or does not show it.
    fn clock_difference(&self) -> StoreFuture<'_, Option<i64>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// Returns by how many seconds `theirs` is ahead of `ours`.
pub(super) fn difference(theirs: Timestamp, ours: Timestamp) -> i64 {
    let size = i64::try_from(theirs.0.abs_diff(ours.0)).unwrap_or(i64::MAX);
    if theirs < ours { -size } else { size }
}

/// 16 random bytes that identify a code or a grant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GrantId(pub(crate) [u8; 16]);

impl GrantId {
    /// Creates an id from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, to use them as a key.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    pub(crate) fn random() -> Result<Self, RandomError> {
        random::bytes().map(Self)
    }
}

impl fmt::Debug for GrantId {
    /// Four bytes are enough to distinguish ids in a log, and reveal nothing.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Identifies one state of a grant's record. The ledger creates it; two states never share a
/// version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub(crate) u64);

impl Version {
    /// Creates a version from the number that the ledger stores.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A record and its version, which the next swap needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Versioned {
    /// The current record.
    pub record: GrantRecord,
    /// The version of the record.
    pub version: Version,
}

impl Versioned {
    /// Creates a record as a ledger returns it.
    #[must_use]
    pub const fn new(record: GrantRecord, version: Version) -> Self {
        Self { record, version }
    }
}

/// The result of a swap. There are no other results, so a ledger may match exhaustively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The new record is in place and durable.
    Done,
    /// The version has changed in the meantime: read the record again.
    Conflict,
}

/// The record of one grant: one user's consent for one client.
///
/// A ledger stores the record in its serde form, so that fields of later versions are stored as
/// well. It may read fields, for example to delete expired records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrantRecord {
    /// The generation of the current refresh token. Tokens are sealed, so storing their generation
    /// is as good as storing a hash of them.
    pub generation: u64,
    /// When the current refresh token replaced the previous one.
    pub rotated_at: Timestamp,
    /// True if the grant was revoked, or one of its codes or refresh tokens was used twice.
    pub revoked: bool,
    /// When the record may be deleted, because no token of the grant is valid any longer.
    pub expires_at: Timestamp,
    /// Other data of the grant: up to 16 KiB of ASCII, usually empty. It is sealed, so a ledger
    /// stores the text unchanged and cannot read it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sealed: String,
}

/// The ledger could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the ledger failed to {action}")]
pub struct StoreError {
    action: &'static str,
    #[source]
    cause: Box<dyn StdError + Send + Sync>,
}

impl StoreError {
    /// Creates an error for `action`, which is a verb phrase such as "open the database".
    pub fn new(action: &'static str, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            action,
            cause: cause.into(),
        }
    }
}

/// Revokes a grant permanently, in any state of its record, and even if it has no record yet.
pub(crate) async fn revoke(
    ledger: &dyn GrantStore,
    id: GrantId,
    now: Timestamp,
) -> Result<(), StoreError> {
    loop {
        let current = ledger.grant(id).await?;
        let (version, record) = match current {
            Some(found) if found.record.revoked => return Ok(()),
            Some(found) => (Some(found.version), found.record),
            None => (None, GrantRecord::first(now)),
        };
        let revoked = GrantRecord {
            revoked: true,
            ..record
        };
        // A conflict means that the record was changed in the meantime: read it again.
        if ledger.swap_grant(id, version, revoked).await? == Swap::Done {
            return Ok(());
        }
    }
}

impl GrantRecord {
    /// Creates the record of a new grant, to test a ledger.
    #[must_use]
    pub const fn new(rotated_at: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            generation: 0,
            rotated_at,
            revoked: false,
            expires_at,
            sealed: String::new(),
        }
    }

    pub(crate) fn first(now: Timestamp) -> Self {
        Self::new(now, now.plus(REFRESH_LIFETIME))
    }
}
