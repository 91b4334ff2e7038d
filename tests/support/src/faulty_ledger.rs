//! An in-memory ledger that fails on request.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use mcpo_runtime::{
    Clock,
    store::{
        GrantId, GrantRecord, GrantStore, MemoryStore, StoreError, StoreFuture, Swap, Version,
        Versioned,
    },
};
use tokio::sync::watch;

/// A ledger that all servers of a test share.
pub struct FaultyLedger {
    records: MemoryStore,
    fails: AtomicBool,
    loses_answers: AtomicBool,
    /// Every n-th read takes [`Self::SLOW`]; 0 means none.
    slow_read: AtomicU64,
    reads: AtomicU64,
    ids: Mutex<HashSet<GrantId>>,
    is_paused: watch::Sender<bool>,
    holds_writes: watch::Sender<bool>,
    writes_held: AtomicU64,
}

impl FaultyLedger {
    /// The duration of a slow read.
    pub const SLOW: Duration = Duration::from_secs(3);

    /// Creates a ledger without faults.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            records: MemoryStore::with_clock(clock),
            fails: AtomicBool::new(false),
            loses_answers: AtomicBool::new(false),
            slow_read: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            ids: Mutex::default(),
            is_paused: watch::Sender::new(false),
            holds_writes: watch::Sender::new(false),
            writes_held: AtomicU64::new(0),
        })
    }

    /// Makes every operation fail immediately.
    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Makes writes report an error although they are carried out.
    pub fn set_losing_responses(&self, loses: bool) {
        self.loses_answers.store(loses, Ordering::SeqCst);
    }

    /// Makes every `n`th read slow.
    pub fn set_slow_read(&self, n: u64) {
        self.slow_read.store(n, Ordering::SeqCst);
    }

    /// Suspends or resumes all operations. Suspended operations are carried out on resume, even if
    /// the caller has given up.
    pub fn set_paused(&self, is_paused: bool) {
        self.is_paused.send_replace(is_paused);
    }

    /// Delays writes until [`Self::release_writes`]; reads continue.
    pub fn hold_writes(&self) {
        self.holds_writes.send_replace(true);
    }

    /// Carries out the writes that [`Self::hold_writes`] delayed.
    pub fn release_writes(&self) {
        self.holds_writes.send_replace(false);
    }

    /// Returns the number of writes that were delayed so far.
    pub fn writes_held(&self) -> u64 {
        self.writes_held.load(Ordering::SeqCst)
    }

    /// Returns the number of reads so far.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    /// Undoes all revocations, as a restored backup does.
    pub async fn forget_revocations(&self) {
        let ids: Vec<_> = {
            let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            ids.iter().copied().collect()
        };
        for id in ids {
            let found = self.records.grant(id).await.ok().flatten();
            let Some(found) = found.filter(|found| found.record.revoked) else {
                continue;
            };
            let mut record = found.record;
            record.revoked = false;
            let swap = self.records.swap_grant(id, Some(found.version), record);
            assert_eq!(swap.await.ok(), Some(Swap::Done));
        }
    }

    async fn fail_or_wait(&self) -> Result<(), StoreError> {
        let mut is_paused = self.is_paused.subscribe();
        let _ = is_paused.wait_for(|is_paused| !is_paused).await;
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::new("answer", "injected by the test"));
        }
        Ok(())
    }
}

/// The handle that each server gets.
pub struct Shared(pub Arc<FaultyLedger>);

impl GrantStore for Shared {
    fn grant(&self, id: GrantId) -> StoreFuture<'_, Option<Versioned>> {
        Box::pin(async move {
            let ledger = &self.0;
            let number = ledger.reads.fetch_add(1, Ordering::SeqCst);
            let slow = ledger.slow_read.load(Ordering::SeqCst);
            if slow > 0 && number.is_multiple_of(slow) {
                tokio::time::sleep(FaultyLedger::SLOW).await;
            }
            ledger.fail_or_wait().await?;
            ledger.records.grant(id).await
        })
    }

    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> StoreFuture<'_, Swap> {
        let ledger = Arc::clone(&self.0);
        // A write that was sent takes effect, even if the caller does not wait for the response.
        let written = tokio::spawn(async move {
            let mut held = ledger.holds_writes.subscribe();
            if *held.borrow() {
                ledger.writes_held.fetch_add(1, Ordering::SeqCst);
            }
            let _ = held.wait_for(|held| !held).await;
            ledger.fail_or_wait().await?;
            {
                let mut ids = ledger.ids.lock().unwrap_or_else(PoisonError::into_inner);
                ids.insert(id);
            }
            let swap = ledger.records.swap_grant(id, expected, next).await?;
            if ledger.loses_answers.load(Ordering::SeqCst) {
                return Err(StoreError::new("answer", "the answer was lost"));
            }
            Ok(swap)
        });
        Box::pin(async move {
            let written = written.await;
            written.unwrap_or_else(|error| Err(StoreError::new("answer", error)))
        })
    }
}
