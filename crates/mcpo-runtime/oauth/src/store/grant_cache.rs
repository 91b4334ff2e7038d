//! Caches whether a grant has ended: the ledger's answer is trusted for one minute.
//!
//! A revoked grant stays refused for as long as the process runs, even if the ledger later reports
//! something else or is unreachable. A grant whose state cannot be confirmed is accepted only if
//! the ledger as a whole is unreachable and confirmed the grant a short time ago
//! ([`ACCEPTED_UNCONFIRMED_FOR`]). A single slow read delays one call and has no other effect.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use quick_cache::sync::Cache;

use super::contract::{GrantId, GrantStore};
use crate::base::{
    clock::{Moment, ServerClock, Timestamp},
    error_chain::chain,
    task,
};

/// How long an answer about a grant is trusted, counted from the request to the ledger. A
/// revocation on another instance takes effect here within this time.
const CONFIRMED_FOR: Duration = Duration::from_secs(60);
/// How long a call waits for the ledger, including the ledger's own retries.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a confirmed grant is accepted while the ledger is unreachable, counted from the
/// confirmation.
const ACCEPTED_UNCONFIRMED_FOR: Duration = Duration::from_secs(10 * 60);
/// After a read of a grant has failed, calls with this grant do not wait for the ledger for this
/// long.
const NO_WAIT_FOR: Duration = Duration::from_secs(10);
/// How often the ledger is asked in the background while calls do not wait for it.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// After failed reads of this many grants without a success, no call waits for the ledger.
const FAILURES_OF_AN_OUTAGE: u32 = 2;
/// How often an open stream checks whether its grant has ended. The ledger is still asked at most
/// once a minute.
const STREAM_CHECK_INTERVAL: Duration = Duration::from_secs(10);
const CACHED_GRANTS: usize = 100_000;
const CACHED_REVOCATIONS: usize = 100_000;

/// What is known about a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantState {
    /// The ledger has confirmed the grant within the last minute.
    Live,
    /// The grant was revoked, or the ledger has no record of it.
    Ended,
    /// The ledger did not answer.
    Unconfirmed {
        /// The ledger is unreachable, and confirmed the grant a short time ago.
        is_acceptable: bool,
    },
}

/// The last answers of the ledger about each grant.
#[expect(missing_debug_implementations, reason = "only mcpo-runtime uses it")]
pub struct GrantCache {
    store: Arc<dyn GrantStore>,
    clock: ServerClock,
    entries: Cache<GrantId, Arc<Entry>>,
    /// The revoked grants, kept separately so that other grants cannot evict them.
    revoked: Cache<GrantId, ()>,
    last_success: AtomicMoment,
    last_probe: AtomicMoment,
    /// Failed reads since the last success. Successive failures of the same grant count once.
    failures: AtomicU32,
    /// The grant of the last failed read: the first bytes of its id.
    last_failed: AtomicU64,
}

#[derive(Default)]
struct Entry {
    is_revoked: AtomicBool,
    /// When the ledger was asked, for the answer that confirmed the grant.
    confirmed: AtomicMoment,
    /// When the last read failed.
    failed: AtomicMoment,
    /// Of several calls at the same time, one asks the ledger and the others wait for the answer.
    asking: tokio::sync::Mutex<()>,
}

/// A [`Moment`] in milliseconds and seconds, each plus one; 0 means never. If a reader sees half of
/// an update, the computed age is too high, never too low.
#[derive(Default)]
struct AtomicMoment {
    monotonic: AtomicU64,
    wall: AtomicU64,
}

impl AtomicMoment {
    fn get(&self) -> Option<Moment> {
        let monotonic = self.monotonic.load(Ordering::Acquire).checked_sub(1)?;
        let wall = self.wall.load(Ordering::Acquire).checked_sub(1)?;
        Some(Moment {
            wall: Timestamp(wall),
            monotonic: Duration::from_millis(monotonic),
        })
    }

    fn set(&self, moment: Moment) {
        let millis = u64::try_from(moment.monotonic.as_millis()).unwrap_or(u64::MAX - 1);
        self.monotonic.store(millis + 1, Ordering::Release);
        let wall = moment.wall.0.saturating_add(1);
        self.wall.store(wall, Ordering::Release);
    }

    fn clear(&self) {
        self.monotonic.store(0, Ordering::Release);
    }

    /// Returns true if the moment was less than `limit` ago.
    fn is_within(&self, limit: Duration, now: Moment) -> bool {
        self.get().is_some_and(|then| now.since(then) < limit)
    }
}

impl GrantCache {
    pub(crate) fn new(store: Arc<dyn GrantStore>, clock: ServerClock) -> Self {
        Self {
            store,
            clock,
            entries: Cache::new(CACHED_GRANTS),
            revoked: Cache::new(CACHED_REVOCATIONS),
            last_success: AtomicMoment::default(),
            last_probe: AtomicMoment::default(),
            failures: AtomicU32::new(0),
            last_failed: AtomicU64::new(0),
        }
    }

    /// Marks the grant as revoked, permanently.
    pub(crate) fn revoke(&self, id: GrantId) {
        self.revoked.insert(id, ());
        self.entry(id).is_revoked.store(true, Ordering::Release);
    }

    /// Records that the ledger had a live record of the grant at the moment `asked`.
    pub(crate) fn confirm(&self, id: GrantId, asked: Moment) {
        self.entry(id).confirmed.set(asked);
    }

    fn entry(&self, id: GrantId) -> Arc<Entry> {
        if let Some(entry) = self.entries.get(&id) {
            return entry;
        }
        let made = self.entries.get_or_insert_with(&id, || {
            let entry = Entry::default();
            let is_revoked = self.revoked.peek(&id).is_some();
            entry.is_revoked.store(is_revoked, Ordering::Release);
            Ok::<_, Infallible>(Arc::new(entry))
        });
        match made {
            Ok(entry) => entry,
            Err(never) => match never {},
        }
    }

    fn is_outage(&self) -> bool {
        self.failures.load(Ordering::Acquire) >= FAILURES_OF_AN_OUTAGE
    }

    fn succeeded(&self, now: Moment) {
        self.last_success.set(now);
        self.failures.store(0, Ordering::Release);
    }

    fn failed(&self, id: GrantId) {
        let start = id.0.first_chunk().copied().unwrap_or_default();
        let grant = u64::from_be_bytes(start);
        let before = self.last_failed.swap(grant, Ordering::AcqRel);
        if before != grant || self.failures.load(Ordering::Acquire) == 0 {
            self.failures.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Returns true if a read has succeeded since `moment`.
    fn has_answered_since(&self, moment: Moment) -> bool {
        let success = self.last_success.get();
        success.is_some_and(|success| success.monotonic >= moment.monotonic)
    }

    /// Returns true to one caller in each interval.
    fn may_probe(&self, now: Moment) -> bool {
        if self.last_probe.is_within(PROBE_INTERVAL, now) {
            return false;
        }
        self.last_probe.set(now);
        true
    }

    /// Returns the state of the grant. Asks the ledger if the last answer is more than one minute
    /// old.
    pub(crate) async fn state(self: &Arc<Self>, id: GrantId) -> GrantState {
        let entry = self.entry(id);
        if let Some(state) = entry.cached(self.clock.moment()) {
            return state;
        }
        // Boxed, because it is large, rarely needed, and would be moved with each call.
        Box::pin(self.ask_once(id, &entry)).await
    }

    /// Asks the ledger, unless another call has just asked or an outage is known.
    async fn ask_once(self: &Arc<Self>, id: GrantId, entry: &Entry) -> GrantState {
        let _asking = entry.asking.lock().await;
        let now = self.clock.moment();
        if let Some(state) = entry.cached(now) {
            return state;
        }
        if entry.skips_waiting(self, now) {
            self.probe(id, now);
            return entry.unconfirmed(self, now);
        }
        self.ask(id, entry).await
    }

    /// Asks the ledger in the background, to detect the end of an outage.
    fn probe(self: &Arc<Self>, id: GrantId, now: Moment) {
        if self.may_probe(now) {
            let cache = Arc::clone(self);
            task::spawn(async move {
                let entry = cache.entry(id);
                cache.ask(id, &entry).await;
            });
        }
    }

    async fn ask(&self, id: GrantId, entry: &Entry) -> GrantState {
        let asked = self.clock.moment();
        let answer = tokio::time::timeout(READ_TIMEOUT, self.store.grant(id)).await;
        let now = self.clock.moment();
        let error = match answer {
            Ok(Ok(found)) => {
                self.succeeded(now);
                return match found {
                    Some(found) if found.record.revoked => {
                        self.revoke(id);
                        GrantState::Ended
                    }
                    Some(_) => {
                        entry.confirmed.set(asked);
                        // The grant may have been revoked on this instance while the read was in
                        // progress.
                        entry.cached(asked).unwrap_or(GrantState::Live)
                    }
                    None => {
                        entry.confirmed.clear();
                        GrantState::Ended
                    }
                };
            }
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("no answer within {} seconds", READ_TIMEOUT.as_secs()),
        };
        entry.failed.set(now);
        if !self.has_answered_since(asked) {
            self.failed(id);
        }
        let state = entry.unconfirmed(self, now);
        tracing::error!(
            grant = ?id,
            error,
            accepted = (state == GrantState::Unconfirmed { is_acceptable: true }),
            "cannot confirm a grant with the ledger"
        );
        state
    }

    /// Completes when `grant` has ended. Never completes without a grant.
    pub async fn ended(self: Arc<Self>, grant: Option<GrantId>) {
        let Some(grant) = grant else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(STREAM_CHECK_INTERVAL).await;
            match self.state(grant).await {
                GrantState::Live
                | GrantState::Unconfirmed {
                    is_acceptable: true,
                } => {}
                GrantState::Ended | GrantState::Unconfirmed { .. } => return,
            }
        }
    }
}

impl Entry {
    /// Returns the state, if it is known without asking the ledger.
    fn cached(&self, now: Moment) -> Option<GrantState> {
        if self.is_revoked.load(Ordering::Acquire) {
            Some(GrantState::Ended)
        } else if self.confirmed.is_within(CONFIRMED_FOR, now) {
            Some(GrantState::Live)
        } else {
            None
        }
    }

    /// Returns the state after a read that failed at or before `now`.
    fn unconfirmed(&self, cache: &GrantCache, now: Moment) -> GrantState {
        // If other reads succeed, the ledger is reachable and may report that this grant is
        // revoked.
        let is_unreachable = !cache.last_success.is_within(READ_TIMEOUT, now);
        let was_live = self.confirmed.is_within(ACCEPTED_UNCONFIRMED_FOR, now);
        GrantState::Unconfirmed {
            is_acceptable: is_unreachable && was_live,
        }
    }

    /// Returns true if calls do not wait for the ledger because it has just failed.
    fn skips_waiting(&self, cache: &GrantCache, now: Moment) -> bool {
        let failed = self.failed.get();
        let failed = failed.filter(|failed| now.since(*failed) < NO_WAIT_FOR);
        cache.is_outage() || failed.is_some_and(|failed| !cache.has_answered_since(failed))
    }
}
