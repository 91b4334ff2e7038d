//! Slows down a server that stops at each start, and whose start writes one of its own inputs, so that
//! each stop leads to the next start. Nothing is held back for good: it only waits, longer each time.

use std::time::{Duration, Instant};

use super::change::Change;

/// What is written so soon after a start was most likely written by it.
const AT_START: Duration = Duration::from_secs(1);
/// So many times in a row may be somebody who saves quickly.
const SUSPICIOUS: u32 = 3;
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// The starts so far, as far as they matter.
#[derive(Debug, Default)]
pub struct CrashLoop {
    crashes: u32,
    in_a_row: u32,
}

impl CrashLoop {
    /// How long a change has to wait; `started` is when the last server was started, and `crashes`
    /// counts those that stopped by themselves.
    pub fn pause(
        &mut self,
        change: &Change,
        started: Option<Instant>,
        crashes: u32,
    ) -> Option<Duration> {
        let has_crashed = crashes > self.crashes;
        self.crashes = crashes;
        let after = started.and_then(|started| change.latest.checked_duration_since(started));
        let is_of_start = after.is_some_and(|after| after < AT_START);
        if !has_crashed || !is_of_start || change.files.is_empty() {
            self.in_a_row = 0;
            return None;
        }
        self.in_a_row += 1;
        let attempt = self.in_a_row.checked_sub(SUSPICIOUS)?;
        Some(FIRST.saturating_mul(1 << attempt.min(8)).min(LONGEST))
    }

    /// Whether the last pause was the first one in a row.
    pub const fn has_just_begun(&self) -> bool {
        self.in_a_row == SUSPICIOUS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(file: &str) -> Change {
        let mut change = Change::new();
        change.files.insert(file.into());
        change
    }

    #[test]
    fn each_crash_of_a_loop_waits_longer_and_an_edit_does_not_wait() {
        let mut brake = CrashLoop::default();
        let started = Some(Instant::now());
        let mut crashes = 0..;
        let mut round = || {
            let crashes = crashes.next().unwrap();
            brake.pause(&change("note.txt"), started, crashes)
        };
        let millis = |pause: Option<Duration>| pause.map(|pause| pause.as_millis());
        let pauses: Vec<_> = (0..12).map(|_| millis(round())).collect();
        assert_eq!(pauses[..3], [None; 3], "somebody who saves quickly");
        assert_eq!(pauses[3..6], [Some(500), Some(1000), Some(2000)]);
        assert_eq!(pauses[11], Some(10_000));

        let long_ago = Instant::now().checked_sub(AT_START);
        assert_eq!(brake.pause(&change("src/main.rs"), long_ago, 13), None);
        assert_eq!(brake.pause(&change("note.txt"), started, 14), None);
        assert_eq!(brake.pause(&change("note.txt"), started, 14), None, "alive");
    }
}
