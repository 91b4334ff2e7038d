//! Timeouts that count only the time in which this process ran.
//!
//! The monotonic clock stops while a machine sleeps. But it keeps running while a container or a
//! virtual machine is paused, or while processes are stopped by SIGSTOP. A timeout of 30 seconds
//! would then expire although the server had no time to run.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// How often the clock is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// The most time that counts between two checks. A longer gap means that the process was not
/// running.
const MAX_COUNTED: Duration = Duration::from_secs(2);

/// A timeout with its remaining time. The time also passes while no caller waits.
#[derive(Debug)]
pub struct SuspendAwareTimeout {
    left: Duration,
    looked: Instant,
}

impl SuspendAwareTimeout {
    pub fn of(time: Duration) -> Self {
        Self {
            left: time,
            looked: Instant::now(),
        }
    }

    /// Waits until the time is over. The caller may drop this future and call again.
    pub async fn ends(&mut self) {
        while let Some(left) = self.left(Instant::now()) {
            sleep(left.min(CHECK_INTERVAL)).await;
        }
    }

    fn left(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.duration_since(self.looked).min(MAX_COUNTED);
        self.looked = now;
        self.left = self.left.saturating_sub(passed);
        (!self.left.is_zero()).then_some(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_while_the_process_was_stopped_hardly_counts() {
        let mut ready_timeout = SuspendAwareTimeout::of(Duration::from_secs(30));
        let began = ready_timeout.looked;
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(ready_timeout.left(after(1)), Some(Duration::from_secs(29)));
        let eight_hours = 8 * 60 * 60;
        assert_eq!(
            ready_timeout.left(after(eight_hours)),
            Some(Duration::from_secs(27))
        );
        for second in 1..27 {
            assert!(ready_timeout.left(after(eight_hours + second)).is_some());
        }
        assert_eq!(ready_timeout.left(after(eight_hours + 27)), None);
    }
}
