//! A ledger in memory: for tests, and for a single process that may forget its grants.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::contract::{GrantId, GrantRecord, GrantStore, StoreFuture, Swap, Version, Versioned};
use crate::base::clock::{Clock, SystemClock, Timestamp};

/// A ledger that lives as long as the process.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    grants: HashMap<GrantId, Versioned>,
    next_version: u64,
    /// Expired entries are removed when the map has grown to this size.
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1024;

impl fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryStore")
            .finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// Creates an empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// Creates an empty ledger that uses `clock`.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let state = State {
            sweep_at: FIRST_SWEEP,
            ..State::default()
        };
        Self {
            clock,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The changes below are complete before anything can panic.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sweep(self.clock.now());
        state
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// Amortized: each sweep visits at most twice the number of entries added since the previous
    /// one.
    fn sweep(&mut self, now: Timestamp) {
        if self.grants.len() < self.sweep_at {
            return;
        }
        self.grants.retain(|_, grant| grant.record.expires_at > now);
        self.sweep_at = FIRST_SWEEP.max(2 * self.grants.len());
    }
}

impl GrantStore for MemoryStore {
    fn grant(&self, id: GrantId) -> StoreFuture<'_, Option<Versioned>> {
        let now = self.clock.now();
        let found = self.lock().grants.get(&id).cloned();
        let found = found.filter(|grant| grant.record.expires_at > now);
        Box::pin(std::future::ready(Ok(found)))
    }

    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> StoreFuture<'_, Swap> {
        let mut state = self.lock();
        let current = state.grants.get(&id).map(|grant| grant.version);
        let swap = if current == expected {
            let version = Version(state.next_version);
            state.next_version += 1;
            let record = next;
            state.grants.insert(id, Versioned { record, version });
            Swap::Done
        } else {
            Swap::Conflict
        };
        Box::pin(std::future::ready(Ok(swap)))
    }
}
