//! The time that all instances share: this machine's, corrected by the ledger's clock.
//!
//! Instances compare times that others wrote: when a refresh token was replaced, until when a code
//! is good. Where their clocks differ, honest clients look like thieves. So each instance measures
//! how far its clock is from the ledger's, and adds the difference.

use std::{
    sync::{
        Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::{app::App, clock::Timestamp};

/// Smaller differences are within what a network and whole seconds make of them.
const SMALLEST: u64 = 10;
/// Larger ones are not corrected: one of the two clocks is simply wrong.
const LARGEST: u64 = 10 * 60;
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// The correction, in seconds.
#[derive(Default)]
pub(crate) struct Correction(AtomicI64);

impl Correction {
    /// The time `now` of this machine, as the ledger has it.
    pub(crate) fn apply(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add_signed(self.0.load(Ordering::Relaxed)))
    }

    /// Notes by how many seconds the ledger's clock is ahead.
    fn note(&self, difference: i64) {
        let size = difference.unsigned_abs();
        let correction = if (SMALLEST..=LARGEST).contains(&size) {
            difference
        } else {
            0
        };
        let before = self.0.swap(correction, Ordering::Relaxed);
        if size > LARGEST {
            tracing::error!(
                seconds = difference,
                "the ledger's clock is far ahead of (or, if negative, behind) this machine's: set \
                 the clocks, or sign-ins and refreshes will fail"
            );
        } else if size >= SMALLEST && before.abs_diff(correction) >= SMALLEST {
            tracing::warn!(
                seconds = difference,
                "the ledger's clock is ahead of (or, if negative, behind) this machine's; times \
                 are corrected by the difference"
            );
        }
    }
}

/// Measures the difference now and then, as long as the server runs.
pub(crate) async fn watch(app: Weak<App>) {
    loop {
        let Some(running) = app.upgrade() else {
            return;
        };
        match running.ledger.clock_difference().await {
            Ok(Some(difference)) => running.correction.note(difference),
            Ok(None) => return,
            Err(error) => tracing::debug!(%error, "the ledger's clock is not known"),
        }
        drop(running);
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_minutes_are_corrected_and_no_others() {
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
