//! The ledger stores the few facts that cannot be sealed into tokens.
//!
//! It has one small record per grant, changed by compare-and-swap. Creating the record spends the
//! code (OAuth 2.1 §4.1.3: only the first of two exchanges succeeds). Changing it rotates the
//! refresh token or revokes the grant. Registering a client and issuing an access token store
//! nothing.
//!
//! To write another ledger, implement [`Ledger`] so that [`Ledger::swap_grant`] is atomic and
//! durable: a successful result means that the change survives a crash. If the ledger cannot
//! answer, return a [`LedgerError`]. The caller then refuses only the requests that need the
//! ledger.

mod bucket;
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{error::Error as StdError, fmt, pin::Pin};

use serde::{Deserialize, Serialize};

pub(crate) use self::bucket::Endpoints;
#[cfg(feature = "redis")]
pub use self::redis::{RedisAddress, RedisAddressError, RedisLedger};
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteLedger;
pub use self::{
    bucket::{BucketLedger, BucketName},
    memory::MemoryLedger,
};
use crate::clock::Timestamp;

/// The return type of every method of a [`Ledger`].
pub type LedgerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// Shared storage of all instances of a server.
pub trait Ledger: Send + Sync + 'static {
    /// Returns the record of a grant, or `None` if the grant has no record or it has expired.
    fn grant(&self, id: GrantId) -> LedgerFuture<'_, Option<Versioned>>;

    /// Replaces the record of a grant if its version is still `expected` (`None`: if it has no
    /// record). If several calls, on any number of instances, expect the same version, exactly one
    /// of them returns [`Swap::Done`].
    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> LedgerFuture<'_, Swap>;

    /// Returns by how many seconds the ledger's clock is ahead of the clock that this ledger was
    /// created with, or `None` if the ledger has no separate clock or does not show it.
    fn clock_difference(&self) -> LedgerFuture<'_, Option<i64>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// Returns by how many seconds `theirs` is ahead of `ours`.
fn difference(theirs: Timestamp, ours: Timestamp) -> i64 {
    let size = i64::try_from(theirs.0.abs_diff(ours.0)).unwrap_or(i64::MAX);
    if theirs < ours { -size } else { size }
}

/// 16 random bytes that identify a code or a grant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GrantId(pub [u8; 16]);

impl GrantId {
    pub(crate) fn random() -> Result<Self, crate::random::RandomError> {
        crate::random::bytes().map(Self)
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
pub struct Version(pub u64);

/// A record and its version, which the next swap needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The current record.
    pub record: GrantRecord,
    /// The version of the record.
    pub version: Version,
}

/// The result of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The new record is in place and durable.
    Done,
    /// The version has changed in the meantime: read the record again.
    Conflict,
}

/// The record of one grant: one user's consent for one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct LedgerError {
    action: &'static str,
    #[source]
    cause: Box<dyn StdError + Send + Sync>,
}

impl LedgerError {
    /// Creates an error for `action`, which is a verb phrase such as "open the database".
    pub fn new(action: &'static str, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            action,
            cause: cause.into(),
        }
    }
}
