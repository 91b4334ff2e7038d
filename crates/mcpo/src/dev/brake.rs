//! Stops a project that builds itself for ever: one whose build writes one of its own inputs.
//!
//! Nobody says who has written a file. But what a build writes comes between its beginning and its end,
//! again and again, and it also comes after a pause in which nobody writes anything. Somebody who saves
//! quickly does the one, but hardly the other; and somebody who waits for an answer does neither. What a
//! server writes at its start cannot be told from that: it answers before we hear that it is ready.
//! Whatever is held back is taken along by the next change.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::change::Change;

/// So many reloads in a row that were caused by the one before are suspicious.
const SUSPICIOUS: u32 = 4;
/// Then the files have to be quiet for so long before each further attempt; after the last, it is sure.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// What is to be done about a change.
#[derive(Debug)]
pub enum Verdict {
    Go(Change),
    Hold,
    /// The same, and it is to be told.
    Tell(String),
}

/// The reloads so far, as far as they matter.
#[derive(Debug)]
pub struct Brake {
    /// When the round that runs now, or ran last, began.
    began: Instant,
    /// What it was begun for.
    files: BTreeSet<PathBuf>,
    /// How many rounds in a row were caused by the one before.
    in_a_row: u32,
    held: Option<Change>,
    /// When what is held is tried again.
    again: Option<Instant>,
    /// Files that are surely written by every build.
    known: BTreeSet<PathBuf>,
}

impl Brake {
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

    /// A round begins.
    pub fn begin(&mut self, change: &Change) {
        self.began = Instant::now();
        self.files.clone_from(&change.files);
    }

    /// Judges a change; `settled` is when a build came to its end the last time.
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

    /// Whether a build that was running meanwhile keeps its worth, because the change is its own doing.
    pub fn disregards(&self, change: &Change, settled: Option<Instant>) -> bool {
        let is_next = self.in_a_row + 1 >= SUSPICIOUS || change.files.is_subset(&self.known);
        is_next && self.is_own(change, settled)
    }

    /// When what is held back is to be tried again.
    pub const fn again(&self) -> Option<Instant> {
        self.again
    }

    /// What was held back until now.
    pub fn try_again(&mut self) -> Option<Change> {
        self.again = None;
        self.held.take()
    }

    /// Whether the last round has caused the change, as far as files and times say.
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

    /// A round for a change that comes before the one before has settled.
    fn own_round(brake: &mut Brake, file: &str) -> Verdict {
        let verdict = brake.judge(change(file), None);
        if let Verdict::Go(change) = &verdict {
            brake.begin(change);
        }
        verdict
    }

    #[test]
    fn who_writes_its_own_inputs_is_stopped_after_two_more_attempts() {
        let mut brake = Brake::new();
        brake.begin(&change("a"));
        for _ in 1..SUSPICIOUS {
            assert!(matches!(own_round(&mut brake, "a"), Verdict::Go(_)));
        }
        for _ in PAUSES {
            assert!(matches!(own_round(&mut brake, "a"), Verdict::Hold));
            assert!(brake.again().is_some());
            let again = brake.try_again().unwrap();
            brake.begin(&again);
        }
        assert!(matches!(own_round(&mut brake, "a"), Verdict::Tell(file) if file == "a"));
        assert!(brake.again().is_none());
        // Another file goes on, takes it along, and does not begin the whole thing anew.
        let Verdict::Go(other) = own_round(&mut brake, "b") else {
            panic!("another file is held");
        };
        assert_eq!(other.files.len(), 2);
        assert!(matches!(own_round(&mut brake, "a"), Verdict::Hold));
        // Written after the build, it was somebody else.
        let settled = Instant::now();
        let edited = brake.judge(change("a"), Some(settled));
        assert!(matches!(edited, Verdict::Go(_)), "{edited:?}");
    }

    #[test]
    fn who_saves_after_each_answer_is_never_held() {
        let mut brake = Brake::new();
        for _ in 0..100 {
            brake.begin(&change("a"));
            let settled = Instant::now();
            let next = brake.judge(change("a"), Some(settled));
            assert!(matches!(next, Verdict::Go(_)));
        }
    }
}
