//! Owns the time that all instances share: the clock of this machine, corrected by the ledger's
//! clock.
//!
//! Instances compare times that other instances wrote, such as when a refresh token was replaced or
//! when a code expires. If their clocks differ, honest clients look like attackers. So each
//! instance measures the difference between its clock and the ledger's, and adds it.

use std::{
    sync::{
        Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::{app::App, clock::Timestamp};

/// Smaller differences are explained by network delay and by rounding to whole seconds.
const SMALLEST: u64 = 10;
/// Larger differences are not corrected: one of the two clocks is wrong.
const LARGEST: u64 = 10 * 60;
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// The correction, in seconds.
#[derive(Default)]
pub(crate) struct Correction(AtomicI64);

impl Correction {
    /// Corrects the time `now` of this machine to the ledger's clock.
    pub(crate) fn apply(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add_signed(self.0.load(Ordering::Relaxed)))
    }

    /// Records by how many seconds the ledger's clock is ahead.
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

/// Measures the difference at regular intervals while the server runs.
pub(crate) async fn watch(app: Weak<App>) {
    loop {
        let Some(running) = app.upgrade() else {
            return;
        };
        match running.ledger.clock_difference().await {
            Ok(Some(difference)) => running.correction.note(difference),
            Ok(None) => return,
            Err(error) => tracing::debug!(%error, "cannot read the ledger's clock"),
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
