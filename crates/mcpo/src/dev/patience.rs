//! Waiting that counts only the time in which we ran.
//!
//! A machine that sleeps stops the monotonic clock, too; but a container that is paused, a virtual
//! machine that is, or processes that were sent SIGSTOP, freeze while that clock goes on. Whoever
//! was given 30 seconds then has had none of them.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// What passes between two looks at most. More than that, and nobody was running.
const AT_MOST: Duration = Duration::from_secs(2);

/// What is left of a time that was given to somebody. It goes on while nobody asks about it.
#[derive(Debug)]
pub struct Patience {
    left: Duration,
    looked: Instant,
}

impl Patience {
    pub fn of(time: Duration) -> Self {
        Self {
            left: time,
            looked: Instant::now(),
        }
    }

    /// Waits for its end. Whoever gives this up may take it up again.
    pub async fn ends(&mut self) {
        while let Some(left) = self.left(Instant::now()) {
            sleep(left.min(LOOK)).await;
        }
    }

    fn left(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.duration_since(self.looked).min(AT_MOST);
        self.looked = now;
        self.left = self.left.saturating_sub(passed);
        (!self.left.is_zero()).then_some(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_which_nobody_ran_hardly_counts() {
        let mut patience = Patience::of(Duration::from_secs(30));
        let began = patience.looked;
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(patience.left(after(1)), Some(Duration::from_secs(29)));
        let eight_hours = 8 * 60 * 60;
        assert_eq!(
            patience.left(after(eight_hours)),
            Some(Duration::from_secs(27))
        );
        for second in 1..27 {
            assert!(patience.left(after(eight_hours + second)).is_some());
        }
        assert_eq!(patience.left(after(eight_hours + 27)), None);
    }
}
