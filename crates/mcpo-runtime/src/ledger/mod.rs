//! The ledger: the little that sealing cannot do, because it must be remembered.
//!
//! That is one small record a grant, changed by compare-and-swap. Making it spends the code
//! (OAuth 2.1 §4.1.3: of two exchanges only one can be the first), and changing it rotates the
//! refresh token or revokes the grant. Nothing is stored when a client registers or an access
//! token is issued.
//!
//! To write another ledger, implement [`Ledger`] so that [`Ledger::swap_grant`] is atomic and
//! durable: an answer promises that the change survives a crash. What cannot be answered is a
//! [`LedgerError`]; the caller then refuses what depends on it and lets everything else go on.

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

/// What every method of a [`Ledger`] returns.
pub type LedgerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// Shared memory of all instances of a server.
pub trait Ledger: Send + Sync + 'static {
    /// The record of a grant; `None` if there never was one or it has expired.
    fn grant(&self, id: GrantId) -> LedgerFuture<'_, Option<Versioned>>;

    /// Replaces the record of a grant if its version still is `expected` (`None`: if there is no
    /// record). Of any number of calls with one expected version, on any number of instances,
    /// exactly one is answered [`Swap::Done`].
    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> LedgerFuture<'_, Swap>;

    /// By how many seconds the ledger's clock is ahead of the clock that this value was made with;
    /// `None` if it has no separate clock, or does not show it.
    fn clock_difference(&self) -> LedgerFuture<'_, Option<i64>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// By how many seconds `theirs` is ahead of `ours`.
fn difference(theirs: Timestamp, ours: Timestamp) -> i64 {
    let size = i64::try_from(theirs.0.abs_diff(ours.0)).unwrap_or(i64::MAX);
    if theirs < ours { -size } else { size }
}

/// 16 random bytes that name a code or a grant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GrantId(pub [u8; 16]);

impl GrantId {
    pub(crate) fn random() -> Result<Self, crate::random::RandomError> {
        crate::random::bytes().map(Self)
    }
}

impl fmt::Debug for GrantId {
    /// Four bytes tell ids apart in a log and give nothing away.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Names one state of a grant's record; made by the ledger, and never the same for two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u64);

/// A record with the version to swap it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The record as it stands.
    pub record: GrantRecord,
    /// Its version.
    pub version: Version,
}

/// Whether a swap took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The new record is in place and durable.
    Done,
    /// Somebody else was first: read again.
    Conflict,
}

/// What is remembered of one grant: one sign-in of one person for one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// Which refresh token of the family is the current one. Tokens are sealed, so that their
    /// number tells as much as a stored hash would.
    pub generation: u64,
    /// When the current refresh token replaced the one before.
    pub rotated_at: Timestamp,
    /// Set when the grant was revoked, or a code or refresh token of it was used twice.
    pub revoked: bool,
    /// When the record may be forgotten: no token of the grant is good any more.
    pub expires_at: Timestamp,
    /// What else is kept for the grant: up to 16 KiB of ASCII, mostly nothing. It is sealed, so a
    /// ledger keeps the text as it is and can read nothing in it.
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
    /// An error while doing `action`, which reads as a verb: "open the database".
    pub fn new(action: &'static str, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            action,
            cause: cause.into(),
        }
    }
}
