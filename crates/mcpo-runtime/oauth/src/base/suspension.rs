//! Detects that the process was suspended for a while: a paused container, a frozen machine,
//! SIGSTOP.
//!
//! When the process resumes, its sockets hold requests that the clients gave up long ago and have
//! since repeated elsewhere. Such a request looks like the second use of a stolen token, so for a
//! moment after resuming, a second use has no consequences.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::task;

/// The interval at which the process checks the time.
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// A process that has not checked the time for this long was suspended.
const STOPPED_AFTER: Duration = Duration::from_secs(5);
/// How long after resuming old requests may still arrive.
const RECENT_FOR: Duration = Duration::from_secs(5);

/// Times in milliseconds since `start`.
pub(crate) struct SuspensionDetector {
    start: Instant,
    last_tick: AtomicU64,
    /// When the process resumed, plus one; 0 if it was never suspended.
    resumed: AtomicU64,
}

impl SuspensionDetector {
    /// Starts a detector. Its background task ends when the detector is dropped. Must be called in
    /// a runtime.
    pub(crate) fn start() -> Arc<Self> {
        let detector = Arc::new(Self::new());
        task::spawn(tick(Arc::downgrade(&detector)));
        detector
    }

    fn new() -> Self {
        Self {
            start: Instant::now(),
            last_tick: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
        }
    }

    /// Returns true if the process was suspended and has only just resumed.
    pub(crate) fn is_recent(&self) -> bool {
        self.is_recent_at(self.millis())
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_recent_at(&self, now: u64) -> bool {
        // The first request may arrive before the next tick.
        let since_tick = now.saturating_sub(self.last_tick.load(Ordering::Acquire));
        let since_resumed = self.resumed.load(Ordering::Acquire).checked_sub(1);
        let since_resumed = since_resumed.map(|resumed| now.saturating_sub(resumed));
        is_at_least(since_tick, STOPPED_AFTER)
            || since_resumed.is_some_and(|since| !is_at_least(since, RECENT_FOR))
    }

    fn tick_at(&self, now: u64) {
        let last = self.last_tick.load(Ordering::Acquire);
        if is_at_least(now.saturating_sub(last), STOPPED_AFTER) {
            let seconds = now.saturating_sub(last) / 1000;
            tracing::warn!(seconds, "the process was suspended");
            self.resumed.store(now.saturating_add(1), Ordering::Release);
        }
        self.last_tick.store(now, Ordering::Release);
    }
}

fn is_at_least(millis: u64, limit: Duration) -> bool {
    u128::from(millis) >= limit.as_millis()
}

async fn tick(detector: Weak<SuspensionDetector>) {
    loop {
        tokio::time::sleep(TICK_INTERVAL).await;
        let Some(detector) = detector.upgrade() else {
            return;
        };
        detector.tick_at(detector.millis());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_between_ticks_is_detected_as_a_suspension() {
        let detector = SuspensionDetector::new();
        detector.tick_at(1000);
        detector.tick_at(2400);
        assert!(!detector.is_recent_at(3000));
        // The process resumes, and a request arrives before the tick.
        assert!(detector.is_recent_at(9000));
        detector.tick_at(9001);
        for tick in [10_000, 11_000, 12_000, 13_000] {
            detector.tick_at(tick);
            assert!(detector.is_recent_at(tick));
        }
        detector.tick_at(14_500);
        assert!(!detector.is_recent_at(14_500));
    }
}
