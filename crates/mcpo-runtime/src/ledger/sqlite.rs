//! A ledger in a SQLite file: the default for one machine, survives restarts.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{GrantId, GrantRecord, Ledger, LedgerError, LedgerFuture, Swap, Version, Versioned};
use crate::clock::{Clock, SystemClock, Timestamp};

/// A ledger in one file, shared by any number of processes on this machine.
///
/// Write-ahead logging with full synchronisation: an answer means that the change is on disk.
pub struct SqliteLedger {
    clock: Arc<dyn Clock>,
    connection: Arc<Mutex<Connection>>,
}

/// How long a process waits for another one's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The layout below; a file with a higher number was made by a newer mcpo.
const LAYOUT: i64 = UPGRADES.len().cast_signed() as i64;
/// What turns a file of each layout into the next one; an empty file has layout 0.
const UPGRADES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS grants (
        id BLOB PRIMARY KEY, version INTEGER NOT NULL, generation INTEGER NOT NULL,
        rotated_at INTEGER NOT NULL, revoked INTEGER NOT NULL, expires_at INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX IF NOT EXISTS grants_by_age ON grants (expires_at);
     PRAGMA user_version = 1;",
    "ALTER TABLE grants ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
     PRAGMA user_version = 2;",
];
/// At most so many expired rows go with each write, so that no write takes long.
const SWEEP: &str =
    "DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE expires_at <= ?1 LIMIT 20)";

impl SqliteLedger {
    /// Opens the file at `path`, making it and its folder if they are not there.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::open_with_clock(path, Arc::new(SystemClock))
    }

    /// Like [`Self::open`], with the time from `clock`.
    pub fn open_with_clock(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, LedgerError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            create_private_folder(folder)
                .map_err(|error| LedgerError::new("make its folder", error))?;
        }
        let connection =
            connect(path).map_err(|error| LedgerError::new("open its database", error))?;
        check_layout(&connection)?;
        Ok(Self {
            clock,
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// SQLite blocks, so each call gets a thread that may.
    fn run<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&mut Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> LedgerFuture<'_, T> {
        let connection = Arc::clone(&self.connection);
        let now = self.clock.now();
        Box::pin(async move {
            let outcome = tokio::task::spawn_blocking(move || {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                work(&mut connection, now)
            });
            let outcome = outcome
                .await
                .map_err(|error| LedgerError::new(action, error))?;
            outcome.map_err(|error| LedgerError::new(action, error))
        })
    }
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Refuses a file that a newer mcpo has laid out, rather than read it wrongly.
fn check_layout(connection: &Connection) -> Result<(), LedgerError> {
    let layout = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    match layout {
        Ok(LAYOUT) => Ok(()),
        Ok(other) => Err(LedgerError::new(
            "open its database",
            format!("the file was made by a newer mcpo (layout {other}, known is {LAYOUT})"),
        )),
        Err(error) => Err(LedgerError::new("read its database", error)),
    }
}

/// Opens the file and lays it out if it is new.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Two processes may make the file at once: the first one's transaction wins.
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let layout: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for upgrade in UPGRADES.iter().skip(usize::try_from(layout).unwrap_or(0)) {
        transaction.execute_batch(upgrade)?;
    }
    transaction.commit()?;
    Ok(connection)
}

/// SQLite's integers are signed; times beyond the range are as good as never.
fn seconds(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.0).unwrap_or(i64::MAX)
}

fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn sweep(transaction: &rusqlite::Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    transaction.prepare_cached(SWEEP)?.execute([seconds(now)])?;
    Ok(())
}

impl Ledger for SqliteLedger {
    fn grant(&self, id: GrantId) -> LedgerFuture<'_, Option<Versioned>> {
        self.run("read a grant", move |connection, now| {
            let mut statement = connection.prepare_cached(
                "SELECT version, generation, rotated_at, revoked, expires_at, sealed FROM grants \
                 WHERE id = ?1 AND expires_at > ?2",
            )?;
            let row = statement.query_row(params![id.0, seconds(now)], |row| {
                Ok(Versioned {
                    version: Version(unsigned(row, 0)?),
                    record: GrantRecord {
                        generation: unsigned(row, 1)?,
                        rotated_at: Timestamp(unsigned(row, 2)?),
                        revoked: row.get(3)?,
                        expires_at: Timestamp(unsigned(row, 4)?),
                        sealed: row.get(5)?,
                    },
                })
            });
            row.optional()
        })
    }

    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> LedgerFuture<'_, Swap> {
        self.run("write a grant", move |connection, now| {
            let transaction = connection.transaction()?;
            let generation = next.generation.cast_signed();
            let (rotated, expires) = (seconds(next.rotated_at), seconds(next.expires_at));
            let changed = match expected {
                None => transaction
                    .prepare_cached(
                        "INSERT OR IGNORE INTO grants VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        id.0,
                        generation,
                        rotated,
                        next.revoked,
                        expires,
                        next.sealed
                    ])?,
                Some(Version(version)) => transaction
                    .prepare_cached(
                        "UPDATE grants SET version = version + 1, generation = ?2, \
                         rotated_at = ?3, revoked = ?4, expires_at = ?5, sealed = ?6 \
                         WHERE id = ?1 AND version = ?7",
                    )?
                    .execute(params![
                        id.0,
                        generation,
                        rotated,
                        next.revoked,
                        expires,
                        next.sealed,
                        version.cast_signed()
                    ])?,
            };
            sweep(&transaction, now)?;
            transaction.commit()?;
            Ok(if changed == 1 {
                Swap::Done
            } else {
                Swap::Conflict
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_of_the_first_layout_is_carried_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(UPGRADES[0]).unwrap();
        old.execute(
            "INSERT INTO grants VALUES (?1, 7, 3, 1000, 0, ?2)",
            params![[1_u8; 16], i64::MAX],
        )
        .unwrap();
        drop(old);
        let ledger = SqliteLedger::open(&path).unwrap();
        let found = ledger.grant(GrantId([1; 16])).await.unwrap().unwrap();
        assert_eq!((found.version, found.record.generation), (Version(7), 3));
        assert_eq!(found.record.sealed, "");
        drop(ledger);
        SqliteLedger::open(&path).unwrap();
    }

    /// Written out, so that a change of [`UPGRADES`] does not change the test with it.
    const SECOND_LAYOUT: &str = "\
        CREATE TABLE grants (id BLOB PRIMARY KEY, version INTEGER NOT NULL, \
        generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL, revoked INTEGER NOT NULL, \
        expires_at INTEGER NOT NULL, sealed TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID; \
        CREATE INDEX grants_by_age ON grants (expires_at); PRAGMA user_version = 2; \
        INSERT INTO grants VALUES (x'01010101010101010101010101010101', 7, 3, 1000, 1, \
        9223372036854775807, 'mcpo_up_AAAA');";

    #[tokio::test]
    async fn a_file_of_the_second_layout_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(SECOND_LAYOUT).unwrap();
        drop(old);
        let ledger = SqliteLedger::open(&path).unwrap();
        let found = ledger.grant(GrantId([1; 16])).await.unwrap().unwrap();
        assert_eq!((found.version, found.record.generation), (Version(7), 3));
        assert_eq!(found.record.rotated_at, Timestamp(1000));
        assert!(found.record.revoked);
        assert_eq!(found.record.sealed, "mcpo_up_AAAA");
    }

    #[test]
    fn a_file_of_a_newer_layout_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let newer = Connection::open(&path).unwrap();
        newer
            .pragma_update(None, "user_version", LAYOUT + 1)
            .unwrap();
        let refused = SqliteLedger::open(&path).err().unwrap();
        assert!(format!("{refused:?}").contains("newer mcpo"), "{refused:?}");
    }
}
