//! Whether a grant has ended: what the ledger says, believed for a minute.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use quick_cache::sync::Cache;

use crate::{app::App, clock::Timestamp, ledger::GrantId, oauth_error::chain};

/// How long an answer about a grant is believed: a revocation on another instance is seen here
/// no later than this.
const BELIEVE_FOR: Duration = Duration::from_secs(60);
/// How long a call waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a ledger out of reach is left alone, so that calls do not wait for it one by one.
const PAUSE: Duration = Duration::from_secs(10);
const CACHED_GRANTS: usize = 100_000;

/// What the ledger last said about each grant.
pub(crate) struct GrantCache {
    seen: Cache<GrantId, Arc<Seen>>,
    /// In seconds; until then the ledger is not asked, because it did not answer.
    ask_again_at: AtomicU64,
}

#[derive(Default)]
struct Seen {
    /// In seconds; 0 while nothing good is known.
    good_since: AtomicU64,
    /// Of many calls at once, one asks and the others wait for what it hears.
    asking: tokio::sync::Mutex<()>,
}

impl GrantCache {
    pub(crate) fn new() -> Self {
        Self {
            seen: Cache::new(CACHED_GRANTS),
            ask_again_at: AtomicU64::new(0),
        }
    }

    /// Drops what is known: the grant has just been revoked here.
    pub(crate) fn forget(&self, id: GrantId) {
        self.seen.remove(&id);
    }

    fn of(&self, id: GrantId) -> Arc<Seen> {
        if let Some(seen) = self.seen.get(&id) {
            return seen;
        }
        let made = self
            .seen
            .get_or_insert_with(&id, || Ok::<_, std::convert::Infallible>(Arc::default()));
        match made {
            Ok(seen) => seen,
            Err(never) => match never {},
        }
    }

    fn is_ledger_left_alone(&self, now: Timestamp) -> bool {
        now.0 < self.ask_again_at.load(Ordering::Relaxed)
    }
}

impl Seen {
    fn is_good(&self, now: Timestamp) -> bool {
        let since = Timestamp(self.good_since.load(Ordering::Relaxed));
        since.0 > 0 && now.since(since) < BELIEVE_FOR
    }
}

/// Whether the grant has not been revoked. The ledger is asked once a minute at most, and if it
/// is out of reach, tokens that are good otherwise stay good.
pub(crate) async fn is_live(app: &App, id: GrantId, now: Timestamp) -> bool {
    let seen = app.grants.of(id);
    if seen.is_good(now) {
        return true;
    }
    let _one_asks = seen.asking.lock().await;
    if seen.is_good(now) || app.grants.is_ledger_left_alone(now) {
        return true;
    }
    let error = match tokio::time::timeout(PATIENCE, app.ledger.grant(id)).await {
        Ok(Ok(Some(found))) if !found.record.revoked => {
            seen.good_since.store(now.0, Ordering::Relaxed);
            return true;
        }
        Ok(Ok(_)) => {
            app.grants.forget(id);
            return false;
        }
        Ok(Err(error)) => chain(&error),
        Err(_) => format!("no answer within {} seconds", PATIENCE.as_secs()),
    };
    let ask_again_at = now.plus(PAUSE).0;
    app.grants
        .ask_again_at
        .store(ask_again_at, Ordering::Relaxed);
    let pause = PAUSE.as_secs();
    tracing::error!(
        error,
        "ledger out of reach: for {pause} seconds tokens are accepted without it"
    );
    true
}

/// Ready when `grant` has ended; never, where there is none.
pub(crate) async fn ended(app: Arc<App>, grant: Option<GrantId>) {
    let Some(grant) = grant else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(BELIEVE_FOR).await;
        if !is_live(&app, grant, app.now()).await {
            return;
        }
    }
}
