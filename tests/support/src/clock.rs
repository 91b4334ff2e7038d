//! A clock that a test moves by hand.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use mcpo_runtime::{Clock, SystemClock, Timestamp};

/// Stands still until it is told to move.
pub struct ManualClock(AtomicU64);

impl Default for ManualClock {
    fn default() -> Self {
        Self(AtomicU64::new(1_800_000_000))
    }
}

impl ManualClock {
    /// Begins at the real time, for what is shared with programs that have no other.
    pub fn from_now() -> Self {
        Self(AtomicU64::new(SystemClock.now().0))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
