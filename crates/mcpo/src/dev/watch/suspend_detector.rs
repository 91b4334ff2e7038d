//! Detects that this machine slept or that the process was frozen.
//!
//! The system does not notify processes about this. But more time has passed between two checks
//! than intended: either on the wall clock, which continues during a sleep, or on the monotonic
//! clock, which continues while only processes are frozen. Setting the wall clock looks the same.
//! That is harmless, because the caller then only checks the files for changes and finds none.

use std::time::{Duration, Instant, SystemTime};

use tokio::time::sleep;

/// The pause between two checks of the clocks.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// How late a check may be on a busy machine.
const SUSPEND_THRESHOLD: Duration = Duration::from_secs(8);

/// The clocks as of the last check.
#[derive(Debug)]
pub struct SuspendDetector {
    monotonic: Instant,
    wall: SystemTime,
}

impl SuspendDetector {
    pub fn new() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// Waits until a gap between two checks was too long, and returns its length. The caller may
    /// drop this future and call again.
    pub async fn slept(&mut self) -> Duration {
        loop {
            let since = self.monotonic.elapsed();
            sleep(CHECK_INTERVAL.saturating_sub(since)).await;
            if let Some(time) = self.look(Instant::now(), SystemTime::now()) {
                return time;
            }
        }
    }

    fn look(&mut self, monotonic: Instant, wall: SystemTime) -> Option<Duration> {
        let by_monotonic = monotonic.duration_since(self.monotonic);
        // The clock was set back. The amount does not matter, only that it happened.
        let by_wall = match wall.duration_since(self.wall) {
            Ok(forward) => forward,
            Err(back) => back.duration(),
        };
        (self.monotonic, self.wall) = (monotonic, wall);
        let passed = by_monotonic.max(by_wall);
        (passed > CHECK_INTERVAL + SUSPEND_THRESHOLD).then_some(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspend_is_detected_on_either_clock() {
        let second = Duration::from_secs(1);
        let mut clocks = SuspendDetector::new();
        let (mut monotonic, mut wall) = (clocks.monotonic, clocks.wall);
        let mut look = |by_monotonic: u32, by_wall: i32| {
            monotonic += second * by_monotonic;
            let step = second * by_wall.unsigned_abs();
            wall = if by_wall < 0 {
                wall - step
            } else {
                wall + step
            };
            clocks.look(monotonic, wall)
        };
        assert_eq!(look(2, 2), None);
        assert_eq!(look(9, 9), None, "a busy machine");
        assert_eq!(look(2, 28_800), Some(second * 28_800), "it slept");
        assert_eq!(look(60, 60), Some(second * 60), "only we were frozen");
        assert_eq!(look(2, -3600), Some(second * 3600), "the clock was set");
        assert_eq!(look(2, 2), None);
    }
}
