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

#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use mcpo_runtime_oauth::store::SqliteStore;
#[doc(inline)]
pub use mcpo_runtime_oauth::store::{
    BucketName, BucketNameError, GcsStore, GrantId, GrantRecord, GrantStore, MemoryStore,
    StoreError, StoreFuture, Swap, Version, Versioned,
};
#[cfg(feature = "redis")]
#[doc(inline)]
pub use mcpo_runtime_oauth::store::{RedisAddress, RedisAddressError, RedisStore};
