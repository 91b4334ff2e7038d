//! Defines time for the runtime: seconds since the Unix epoch from a clock that callers provide,
//! and a monotonic time for the ages of cached values.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// How much the clocks of two instances may differ. A time that one instance wrote and another one
/// compares with its own clock stays valid for this much longer.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(2 * 60);

/// A moment, in whole seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub(crate) u64);

impl Timestamp {
    /// Creates the moment this many seconds after the Unix epoch.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds since the Unix epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// Returns the moment `duration` after this one.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// Returns the moment `duration` before this one.
    pub(crate) const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }

    /// Returns how long ago `earlier` was, or zero if it is in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

/// The source of the current time. Tests provide their own clock and never sleep.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Returns the time since a fixed moment in the past. It never decreases, even if the current
    /// time is set back.
    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        Timestamp(elapsed.map_or(0, |elapsed| elapsed.as_secs()))
    }
}

/// A moment of both clocks, for ages that must be right even if one clock is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) monotonic: Duration,
}

impl Moment {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self {
            wall: clock.now(),
            monotonic: clock.monotonic(),
        }
    }

    /// Returns how long ago `earlier` was, at least. The monotonic clock may stop while the machine
    /// sleeps, and the wall clock may be set back, so the longer of the two times counts.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        monotonic.max(self.wall.since(earlier.wall))
    }
}

/// Smaller differences are explained by network delay and by rounding to whole seconds.
const MIN_CORRECTION_SECONDS: u64 = 10;

/// Larger differences are not corrected: one of the two clocks is wrong.
const MAX_CORRECTION_SECONDS: u64 = 10 * 60;

/// The correction, in seconds.
#[derive(Default)]
pub(crate) struct Correction(AtomicI64);

impl Correction {
    /// Corrects the time `now` of this machine to the ledger's clock.
    pub(crate) fn apply(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add_signed(self.0.load(Ordering::Relaxed)))
    }

    /// Records by how many seconds the ledger's clock is ahead.
    pub(crate) fn note(&self, difference: i64) {
        let size = difference.unsigned_abs();
        let correction = if (MIN_CORRECTION_SECONDS..=MAX_CORRECTION_SECONDS).contains(&size) {
            difference
        } else {
            0
        };
        let before = self.0.swap(correction, Ordering::Relaxed);
        if size > MAX_CORRECTION_SECONDS {
            tracing::error!(
                seconds = difference,
                "the ledger's clock is far ahead of (or, if negative, behind) this machine's: set \
                 the clocks, or sign-ins and refreshes will fail"
            );
        } else if size >= MIN_CORRECTION_SECONDS
            && before.abs_diff(correction) >= MIN_CORRECTION_SECONDS
        {
            tracing::warn!(
                seconds = difference,
                "the ledger's clock is ahead of (or, if negative, behind) this machine's; times \
                 are corrected by the difference"
            );
        }
    }
}

/// The clock of the server: the configured clock, corrected by the clock of the ledger. Cheap to
/// clone.
#[derive(Clone)]
pub(crate) struct ServerClock {
    clock: Arc<dyn Clock>,
    correction: Arc<Correction>,
}

impl ServerClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            correction: Arc::default(),
        }
    }

    /// Returns the current time of both clocks, for computing ages.
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(self.clock.as_ref())
    }

    /// Returns the current time, corrected to the clock of the ledger.
    pub(crate) fn now(&self) -> Timestamp {
        self.correction.apply(self.clock.now())
    }

    /// Returns the correction for the task that measures it. It is dropped with the last clone of
    /// the clock.
    pub(crate) fn correction(&self) -> Weak<Correction> {
        Arc::downgrade(&self.correction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_increases_after_a_clock_change_and_after_a_suspension() {
        let moment = |wall, monotonic| Moment {
            wall: Timestamp(wall),
            monotonic: Duration::from_secs(monotonic),
        };
        let then = moment(1000, 10);
        assert_eq!(moment(400, 80).since(then), Duration::from_secs(70));
        // The machine slept.
        assert_eq!(moment(1500, 11).since(then), Duration::from_secs(500));
    }

    #[test]
    fn only_clock_skew_of_a_few_minutes_is_corrected() {
        let correction = Correction::default();
        let corrected = |difference| {
            correction.note(difference);
            correction.apply(Timestamp(10_000)).0
        };
        assert_eq!(corrected(130), 10_130);
        assert_eq!(corrected(-130), 9_870);
        assert_eq!(corrected(9), 10_000);
        assert_eq!(corrected(-601), 10_000);
        assert_eq!(corrected(i64::MIN), 10_000);
    }
}
