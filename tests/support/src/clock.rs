//! A clock that a test moves by hand.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use mcpo_runtime::{Clock, SystemClock, Timestamp};

/// A clock that moves only when the test moves it.
pub struct ManualClock {
    wall: AtomicU64,
    monotonic: AtomicU64,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(1_800_000_000)
    }
}

impl ManualClock {
    const fn at(seconds: u64) -> Self {
        Self {
            wall: AtomicU64::new(seconds),
            monotonic: AtomicU64::new(1000),
        }
    }

    /// Starts at the real time, for tests that share the time with real programs.
    pub fn from_now() -> Self {
        Self::at(SystemClock.now().as_secs())
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        self.wall.fetch_add(by.as_secs(), Ordering::SeqCst);
        self.monotonic.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// Sets the wall clock back, as an administrator or NTP does.
    pub fn set_back(&self, by: Duration) {
        self.wall.fetch_sub(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.monotonic.load(Ordering::SeqCst))
    }
}
