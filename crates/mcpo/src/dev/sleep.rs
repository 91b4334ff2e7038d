//! Notices that this machine has slept, or that we were frozen otherwise.
//!
//! Nobody tells a process so. What can be seen is that more time has passed between two looks than
//! we meant to let pass: by the wall clock, which a sleep moves on, or by the monotonic one, which
//! goes on where only processes are frozen. A wall clock that is set looks the same, which does no
//! harm: whoever hears of it looks for what changed, and finds nothing.

use std::time::{Duration, Instant, SystemTime};

use tokio::time::sleep;

/// How often the clocks are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How late a look may be on a busy machine.
const LATE: Duration = Duration::from_secs(8);

/// The clocks, as of the last look.
#[derive(Debug)]
pub struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clocks {
    pub fn new() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// Waits until there is a time to tell of in which nobody looked. Whoever gives this up may take
    /// it up again.
    pub async fn slept(&mut self) -> Duration {
        loop {
            let since = self.monotonic.elapsed();
            sleep(LOOK.saturating_sub(since)).await;
            if let Some(time) = self.look(Instant::now(), SystemTime::now()) {
                return time;
            }
        }
    }

    fn look(&mut self, monotonic: Instant, wall: SystemTime) -> Option<Duration> {
        let by_monotonic = monotonic.duration_since(self.monotonic);
        // A clock that was set back: by how much says nothing, but that it happened does.
        let by_wall = match wall.duration_since(self.wall) {
            Ok(forward) => forward,
            Err(back) => back.duration(),
        };
        (self.monotonic, self.wall) = (monotonic, wall);
        let passed = by_monotonic.max(by_wall);
        (passed > LOOK + LATE).then_some(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_shows_on_either_clock() {
        let second = Duration::from_secs(1);
        let mut clocks = Clocks::new();
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
