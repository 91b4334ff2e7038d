//! The ledger stores the few facts that cannot be sealed into tokens: one small record per grant,
//! changed by compare-and-swap.

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
