//! Stops a rebuild loop: a project whose build writes one of the build's own inputs.
//!
//! The system does not report which process wrote a file. But a build writes its files between its
//! start and its end, in every round, and also after a pause without any other writes. A user who
//! saves quickly may match the first pattern, but hardly the second. A user who waits for each
//! result matches neither. Files that a server writes when it starts are not detected here (see
//! `restart_backoff`). They look like an edit by the user, because the server may answer, and the
//! user may edit, before mcpo learns that the server is ready. The next change that passes includes
//! all changes that were held back.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::dev::messages::change::Change;

/// After this many consecutive reloads that were each caused by the previous one, a loop is
/// suspected.
const SUSPICIOUS: u32 = 4;
/// How long the files must be quiet before each further attempt. After the last attempt the loop is
/// certain.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// The decision about a change.
#[derive(Debug)]
pub enum Verdict {
    Go(Change),
    Hold,
    /// Like `Hold`, and the user must be informed. Contains a description of the files.
    Tell(String),
}

/// Detects rebuild loops from the recent reloads.
#[derive(Debug)]
pub struct LoopDetector {
    /// When the current or last round began.
    began: Instant,
    /// The files that the round was started for.
    files: BTreeSet<PathBuf>,
    /// Number of consecutive rounds caused by the previous round.
    in_a_row: u32,
    held: Option<Change>,
    /// When to try the held change again.
    again: Option<Instant>,
    /// Files that are known to be written by every build.
    known: BTreeSet<PathBuf>,
}

impl LoopDetector {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            files: BTreeSet::new(),
            in_a_row: 0,
            held: None,
            again: None,
            known: BTreeSet::new(),
        }
    }

    /// Records that a round begins.
    pub fn begin(&mut self, change: &Change) {
        self.began = Instant::now();
        self.files.clone_from(&change.files);
    }

    /// Judges a change. `settled` is when the last build ended.
    pub fn judge(&mut self, change: Change, settled: Option<Instant>) -> Verdict {
        if !self.is_own(&change, settled) {
            self.in_a_row = 0;
            return Verdict::Go(self.release(change));
        }
        self.in_a_row += 1;
        if change.files.is_subset(&self.known) {
            self.hold(change);
            self.again = None;
            return Verdict::Hold;
        }
        let Some(attempt) = self.in_a_row.checked_sub(SUSPICIOUS) else {
            return Verdict::Go(self.release(change));
        };
        let pause = usize::try_from(attempt).ok().and_then(|at| PAUSES.get(at));
        self.again = pause.map(|pause| Instant::now() + *pause);
        let told = change.describe().unwrap_or_default();
        let files = change.files.clone();
        self.hold(change);
        if self.again.is_some() {
            return Verdict::Hold;
        }
        self.known.extend(files);
        Verdict::Tell(told)
    }

    /// Returns true if the running build is still valid, because the build itself made the change.
    pub fn disregards(&self, change: &Change, settled: Option<Instant>) -> bool {
        let is_next = self.in_a_row + 1 >= SUSPICIOUS || change.files.is_subset(&self.known);
        is_next && self.is_own(change, settled)
    }

    /// Returns when to try the held change again.
    pub const fn again(&self) -> Option<Instant> {
        self.again
    }

    /// Takes the change that was held back.
    pub fn try_again(&mut self) -> Option<Change> {
        self.again = None;
        self.held.take()
    }

    /// Returns true if the last round caused the change, judging by files and times.
    fn is_own(&self, change: &Change, settled: Option<Instant>) -> bool {
        let during = change.latest >= self.began
            && settled.is_none_or(|settled| settled < self.began || change.latest <= settled);
        let files = self.files.union(&self.known).cloned().collect();
        during && !change.files.is_empty() && change.files.is_subset(&files)
    }

    fn hold(&mut self, mut change: Change) {
        if let Some(held) = self.held.take() {
            change.merge(held);
        }
        self.held = Some(change);
    }

    fn release(&mut self, mut change: Change) -> Change {
        if let Some(held) = self.try_again() {
            let since = change.since;
            change.merge(held);
            change.since = since;
        }
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(file: &str) -> Change {
        let mut change = Change::new();
        change.executable = true;
        change.files.insert(file.into());
        change
    }

    /// Runs one round for a change that arrives before the previous build has ended.
    fn own_round(detector: &mut LoopDetector, file: &str) -> Verdict {
        let verdict = detector.judge(change(file), None);
        if let Verdict::Go(change) = &verdict {
            detector.begin(change);
        }
        verdict
    }

    #[test]
    fn a_build_that_writes_its_inputs_is_stopped_after_two_more_attempts() {
        let mut detector = LoopDetector::new();
        detector.begin(&change("a"));
        for _ in 1..SUSPICIOUS {
            assert!(matches!(own_round(&mut detector, "a"), Verdict::Go(_)));
        }
        for _ in PAUSES {
            assert!(matches!(own_round(&mut detector, "a"), Verdict::Hold));
            assert!(detector.again().is_some());
            let again = detector.try_again().unwrap();
            detector.begin(&again);
        }
        assert!(matches!(own_round(&mut detector, "a"), Verdict::Tell(file) if file == "a"));
        assert!(detector.again().is_none());
        // A change to another file goes through, includes the held change, and does not restart the
        // count.
        let Verdict::Go(other) = own_round(&mut detector, "b") else {
            panic!("another file is held");
        };
        assert_eq!(other.files.len(), 2);
        assert!(matches!(own_round(&mut detector, "a"), Verdict::Hold));
        // A change after the end of the build was not made by the build.
        let settled = Instant::now();
        let edited = detector.judge(change("a"), Some(settled));
        assert!(matches!(edited, Verdict::Go(_)), "{edited:?}");
    }

    #[test]
    fn saves_after_each_answer_are_never_held() {
        let mut detector = LoopDetector::new();
        for _ in 0..100 {
            detector.begin(&change("a"));
            let settled = Instant::now();
            let next = detector.judge(change("a"), Some(settled));
            assert!(matches!(next, Verdict::Go(_)));
        }
    }
}
