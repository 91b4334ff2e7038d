//! The ledger stores the few facts that cannot be sealed into tokens.
//!
//! It has one small record per grant, changed by compare-and-swap. Creating the record spends the
//! code (OAuth 2.1 §4.1.3: only the first of two exchanges succeeds). Changing it rotates the
//! refresh token or revokes the grant. Registering a client and issuing an access token store
//! nothing.
//!
//! To write another ledger, implement [`GrantStore`] so that [`GrantStore::swap_grant`] is atomic
//! and durable: a successful result means that the change survives a crash. If the ledger cannot
//! answer, return a [`StoreError`]. The caller then refuses only the requests that need the ledger.

pub(crate) mod clock_sync;
mod contract;
mod gcs;
pub(crate) mod grant_cache;
pub(crate) mod known_keys;
mod memory;
mod prefix;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "redis")]
pub use self::redis::{RedisAddress, RedisAddressError, RedisStore};
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;
pub use self::{
    contract::{
        GrantId, GrantRecord, GrantStore, StoreError, StoreFuture, Swap, Version, Versioned,
    },
    gcs::{BucketName, BucketNameError, GcsStore},
    memory::MemoryStore,
};
pub(crate) use self::{
    contract::{REFRESH_LIFETIME, revoke},
    gcs::Endpoints,
    prefix::RecordPrefix,
};
