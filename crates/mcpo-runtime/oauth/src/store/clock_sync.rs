//! Owns the time that all instances share: the clock of this machine, corrected by the ledger's
//! clock.
//!
//! Instances compare times that other instances wrote, such as when a refresh token was replaced or
//! when a code expires. If their clocks differ, honest clients look like attackers. So each
//! instance measures the difference between its clock and the ledger's, and adds it.

use std::{sync::Weak, time::Duration};

use super::contract::GrantStore;
use crate::base::clock::Correction;

const CHECK_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Measures the difference at regular intervals while the server runs.
pub(crate) async fn watch(store: Weak<dyn GrantStore>, correction: Weak<Correction>) {
    loop {
        let (Some(store), Some(correction)) = (store.upgrade(), correction.upgrade()) else {
            return;
        };
        match store.clock_difference().await {
            Ok(Some(difference)) => correction.note(difference),
            Ok(None) => return,
            Err(error) => tracing::debug!(%error, "cannot read the ledger's clock"),
        }
        drop((store, correction));
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}
