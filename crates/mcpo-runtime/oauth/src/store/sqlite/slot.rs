//! Owns one connection to the file, which one request uses at a time.

use std::{path::Path, sync::Arc, time::Duration};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

use super::{LAYOUT, REQUEST_TIMEOUT, UPGRADES, file::StoreFile};
use crate::store::contract::StoreError;

/// A connection that is opened when needed, and again after an error: after a disk was not writable
/// for a while, the server must not need a restart.
pub(super) struct Slot {
    file: StoreFile,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl Slot {
    pub(super) fn new(file: StoreFile, connection: Option<Connection>) -> Self {
        Self {
            file,
            connection: Arc::new(Mutex::new(connection)),
        }
    }

    /// Runs `work` on a thread that may block. Waiting for the connection, for the locks of other
    /// processes and for the disk takes at most [`REQUEST_TIMEOUT`] in total.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        let too_late = |cause: &str| {
            let cause = format!("{cause} for {} seconds", REQUEST_TIMEOUT.as_secs());
            StoreError::new(action, cause)
        };
        let connection = Arc::clone(&self.connection).lock_owned();
        let connection = timeout_at(deadline, connection)
            .await
            .map_err(|_| too_late("other requests occupied the file"))?;
        let file = self.file.clone();
        let working = tokio::task::spawn_blocking(move || {
            run_blocking(&file, connection, deadline, action, work)
        });
        // Work that completes after the deadline counts as work whose response was lost.
        timeout_at(deadline, working)
            .await
            .map_err(|_| too_late("the file or its lock was not available"))?
            .map_err(|error| StoreError::new(action, error))?
    }
}

fn run_blocking<T>(
    file: &StoreFile,
    mut kept: OwnedMutexGuard<Option<Connection>>,
    deadline: Instant,
    action: &'static str,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    file.check()
        .map_err(|cause| StoreError::new(action, cause))?;
    let failed = |error| StoreError::new(action, error);
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => connect(&file.path, deadline)?,
    };
    connection
        .busy_timeout(time_for_locks(deadline))
        .map_err(failed)?;
    let outcome = work(&mut connection);
    if outcome.as_ref().err().is_none_or(is_busy) {
        *kept = Some(connection);
    }
    outcome.map_err(failed)
}

/// SQLite checks a lock every 100 ms. The margin leaves time for the work after the last check.
fn time_for_locks(deadline: Instant) -> Duration {
    const DEADLINE_MARGIN: Duration = Duration::from_millis(300);
    deadline
        .saturating_duration_since(Instant::now())
        .saturating_sub(DEADLINE_MARGIN)
}

/// Returns true if the connection is still good and another process only held the lock.
fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Opens the file, and creates or upgrades its layout.
pub(super) fn connect(path: &Path, deadline: Instant) -> Result<Connection, StoreError> {
    const ACTION: &str = "open its database";
    let failed = |error: rusqlite::Error| StoreError::new(ACTION, error);
    let mut connection = Connection::open(path).map_err(failed)?;
    connection
        .busy_timeout(time_for_locks(deadline))
        .map_err(failed)?;
    for (name, value) in [("journal_mode", "WAL"), ("synchronous", "FULL")] {
        connection
            .pragma_update(None, name, value)
            .map_err(failed)?;
    }
    if layout(&connection).map_err(failed)? < LAYOUT {
        upgrade(&mut connection).map_err(failed)?;
    }
    match layout(&connection).map_err(failed)? {
        LAYOUT => Ok(connection),
        // A file with a newer layout could be misread.
        other => Err(StoreError::new(
            ACTION,
            format!("the file was made by a newer mcpo (layout {other}, supported up to {LAYOUT})"),
        )),
    }
}

fn layout(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Two processes may do this at the same time. The transaction of the first one takes effect.
fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = usize::try_from(layout(&transaction)?).unwrap_or(0);
    for upgrade in UPGRADES.iter().skip(from) {
        transaction.execute_batch(upgrade)?;
    }
    transaction.commit()
}
