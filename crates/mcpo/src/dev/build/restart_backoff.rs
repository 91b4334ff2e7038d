//! Slows down a project that reloads itself: each start of its server writes one of the build's
//! inputs, so each start causes the next one. A reload is never dropped. It only waits, longer each
//! time.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::dev::messages::change::Change;

/// A file that is written this soon after a start was most likely written by the server.
pub const AT_START: Duration = Duration::from_secs(1);
/// Fewer crashes in a row may come from a user who saves quickly and whose server then stops.
const SUSPICIOUS: u32 = 3;
/// The same for a server that keeps running.
const SUSPICIOUS_IF_ALIVE: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Detects reload loops from the recent starts.
#[derive(Debug, Default)]
pub struct RestartBackoff {
    crashes: u32,
    in_a_row: u32,
    files: BTreeSet<PathBuf>,
    /// Whether the last of these starts ended in a crash.
    has_crashed: bool,
    is_waiting: bool,
}

impl RestartBackoff {
    /// Returns how long a change must wait. `started` is when the last server was started, and
    /// `crashes` counts the servers that stopped by themselves.
    pub fn pause(
        &mut self,
        change: &Change,
        started: Option<Instant>,
        crashes: u32,
    ) -> Option<Duration> {
        let has_crashed = crashes > self.crashes;
        self.crashes = crashes;
        if has_crashed != self.has_crashed {
            // Another pattern, with its own threshold.
            self.in_a_row = 0;
            self.is_waiting = false;
        }
        self.has_crashed = has_crashed;
        let after = started.and_then(|started| change.latest.checked_duration_since(started));
        let is_of_start = after.is_some_and(|after| after < AT_START);
        // A user who saves code after each answer must not wait, and servers do not write code.
        let is_repeated = self.in_a_row == 0 || change.files.is_subset(&self.files);
        let is_data = !change.files.iter().any(|file| is_code(file)) && is_repeated;
        self.files.clone_from(&change.files);
        if !is_of_start || change.files.is_empty() || !(self.has_crashed || is_data) {
            self.in_a_row = 0;
            self.is_waiting = false;
            return None;
        }
        self.in_a_row += 1;
        let suspicious = if self.has_crashed {
            SUSPICIOUS
        } else {
            SUSPICIOUS_IF_ALIVE
        };
        let attempt = self.in_a_row.checked_sub(suspicious)?;
        Some(
            FIRST_PAUSE
                .saturating_mul(1 << attempt.min(8))
                .min(MAX_PAUSE),
        )
    }

    /// Returns true for the first pause in a row, which must be reported to the user.
    pub const fn has_just_begun(&mut self) -> bool {
        !std::mem::replace(&mut self.is_waiting, true)
    }

    /// Returns true if the last server that was started stopped by itself.
    pub const fn has_crashed(&self) -> bool {
        self.has_crashed
    }
}

fn is_code(file: &Path) -> bool {
    let is_rust = file.extension().is_some_and(|kind| kind == "rs");
    is_rust || file.ends_with("Cargo.toml") || file.ends_with("Cargo.lock")
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
        let mut detector = RestartBackoff::default();
        let started = Some(Instant::now());
        let mut crashes = 0..;
        let mut round = || {
            let crashes = crashes.next().unwrap();
            detector.pause(&change("note.txt"), started, crashes)
        };
        let millis = |pause: Option<Duration>| pause.map(|pause| pause.as_millis());
        let pauses: Vec<_> = (0..12).map(|_| millis(round())).collect();
        assert_eq!(pauses[..3], [None; 3], "a user who saves quickly");
        assert_eq!(pauses[3..6], [Some(500), Some(1000), Some(2000)]);
        assert_eq!(pauses[11], Some(10_000));

        let long_ago = Instant::now().checked_sub(AT_START);
        assert_eq!(detector.pause(&change("src/main.rs"), long_ago, 13), None);
        assert_eq!(detector.pause(&change("note.txt"), started, 14), None);
        assert_eq!(
            detector.pause(&change("note.txt"), started, 14),
            None,
            "alive"
        );
    }

    #[test]
    fn a_server_that_keeps_running_is_slowed_down_for_data_and_never_for_code() {
        let started = Some(Instant::now());
        let mut data = RestartBackoff::default();
        let pauses: Vec<_> = (0..8)
            .map(|_| data.pause(&change("data.json"), started, 0))
            .collect();
        assert_eq!(pauses[..4], [None; 4], "{pauses:?}");
        assert!(pauses[4..].iter().all(Option::is_some), "{pauses:?}");
        assert!(data.has_just_begun());
        assert!(!data.has_just_begun());
        let mut code = RestartBackoff::default();
        for _ in 0..50 {
            assert_eq!(code.pause(&change("src/main.rs"), started, 0), None);
        }
    }
}
