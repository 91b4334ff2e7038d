//! A ledger in a SQLite file: the default on a single machine. It survives restarts.

mod file;
mod slot;

use std::{fmt, path::Path, sync::Arc, time::Duration};

use rusqlite::{OptionalExtension as _, TransactionBehavior, params};
use tokio::time::Instant;

use self::{
    file::StoreFile,
    slot::{Slot, connect},
};
use super::contract::{
    GrantId, GrantRecord, GrantStore, StoreError, StoreFuture, Swap, Version, Versioned,
};
use crate::base::clock::{Clock, SystemClock, Timestamp};

/// A ledger in one file, which any number of processes on this machine can share.
///
/// It uses write-ahead logging with full synchronization: a successful write is on disk.
pub struct SqliteStore {
    clock: Arc<dyn Clock>,
    /// Reads do not need the lock of the file, so they do not wait behind writes that do.
    reader: Slot,
    writer: Slot,
}

/// The time limit for one request to the ledger, including all waiting.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The current layout. A file with a higher number was written by a newer mcpo.
const LAYOUT: i64 = UPGRADES.len().cast_signed() as i64;
/// The statements that upgrade a file from each layout to the next. An empty file has layout 0.
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
/// Each write deletes at most 20 expired rows, so that no write takes long.
const SWEEP: &str =
    "DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE expires_at <= ?1 LIMIT 20)";

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqliteStore")
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file at `path`. Creates the file and its folder if they do not exist.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with_clock(path, Arc::new(SystemClock))
    }

    /// Like [`Self::open`], but uses `clock`.
    pub fn open_with_clock(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        file::prepare(path)?;
        let connection = connect(path, Instant::now() + REQUEST_TIMEOUT)?;
        let file = StoreFile::opened(path)?;
        Ok(Self {
            clock,
            reader: Slot::new(file.clone(), None),
            writer: Slot::new(file, Some(connection)),
        })
    }
}

/// SQLite's integers are signed. Times beyond their range mean never.
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

impl GrantStore for SqliteStore {
    fn grant(&self, id: GrantId) -> StoreFuture<'_, Option<Versioned>> {
        let now = self.clock.now();
        Box::pin(self.reader.run("read a grant", move |connection| {
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
        }))
    }

    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> StoreFuture<'_, Swap> {
        let now = self.clock.now();
        Box::pin(self.writer.run("write a grant", move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
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
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::mpsc, thread};

    use rusqlite::{Connection, OpenFlags};

    use super::*;

    fn record() -> GrantRecord {
        GrantRecord::first(SystemClock.now())
    }

    fn whole(error: &StoreError) -> String {
        crate::base::error_chain::chain(error)
    }

    /// A process that was suspended during a write can hold the lock for any length of time.
    #[tokio::test(flavor = "multi_thread")]
    async fn writes_behind_a_lock_time_out_together_and_reads_continue() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let ledger = Arc::new(SqliteStore::open(&path).unwrap());
        let id = GrantId([1; 16]);
        ledger.swap_grant(id, None, record()).await.unwrap();
        let (release, released) = mpsc::channel::<()>();
        let (locked, is_locked) = mpsc::channel();
        let holder = thread::spawn(move || {
            let other = Connection::open(&path).unwrap();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            locked.send(()).unwrap();
            let _ = released.recv();
            other.execute_batch("ROLLBACK").unwrap();
        });
        is_locked.recv().unwrap();
        let began = Instant::now();
        let mut writes = tokio::task::JoinSet::new();
        for number in 2..10 {
            let ledger = Arc::clone(&ledger);
            writes.spawn(async move {
                let swap = ledger.swap_grant(GrantId([number; 16]), None, record());
                swap.await.is_err()
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let asked = Instant::now();
        assert!(ledger.grant(id).await.unwrap().is_some());
        assert!(
            asked.elapsed() < Duration::from_secs(3),
            "the read did not wait"
        );
        let failed = writes.join_all().await;
        assert!(failed.iter().all(|failed| *failed), "{failed:?}");
        let took = began.elapsed();
        assert!(took < REQUEST_TIMEOUT + Duration::from_secs(2), "{took:?}");
        release.send(()).unwrap();
        holder.join().unwrap();
        let swap = ledger.swap_grant(GrantId([99; 16]), None, record()).await;
        assert_eq!(swap.unwrap(), Swap::Done);
    }

    /// SQLite keeps treating a file as read-only if it was opened while the disk was not writable.
    #[tokio::test]
    async fn write_succeeds_after_the_disk_becomes_writable_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let ledger = SqliteStore::open(&path).unwrap();
        let read_only = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let file = StoreFile::opened(&path).unwrap();
        let ledger = SqliteStore {
            writer: Slot::new(file, Some(read_only.unwrap())),
            ..ledger
        };
        let id = GrantId([1; 16]);
        let error = ledger.swap_grant(id, None, record()).await.unwrap_err();
        assert!(whole(&error).contains("readonly"), "{}", whole(&error));
        let swap = ledger.swap_grant(id, None, record()).await.unwrap();
        assert_eq!(swap, Swap::Done);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn deleted_or_replaced_file_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let ledger = SqliteStore::open(&path).unwrap();
        let id = GrantId([1; 16]);
        let refused = async |expected: &str| {
            let read = ledger.grant(id).await.unwrap_err();
            let written = ledger.swap_grant(id, None, record()).await.unwrap_err();
            for error in [read, written] {
                assert!(whole(&error).contains(expected), "{}", whole(&error));
                assert!(whole(&error).contains("restart the server"));
            }
        };
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        refused("was deleted").await;
        SqliteStore::open(&path).unwrap();
        refused("was replaced").await;
        fs::rename(folder.path().join("elsewhere"), &path).unwrap();
        assert_eq!(ledger.grant(id).await.unwrap(), None);
    }

    #[test]
    fn corrupt_file_is_rejected_with_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        fs::write(&path, "this is not a database at all".repeat(100)).unwrap();
        let error = SqliteStore::open(&path).err().unwrap();
        let text = crate::base::error::Error::ledger(&path, error).to_string();
        assert!(text.contains("file is not a database"), "{text}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn as15_files_are_private_also_after_an_upgrade() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/ledger.sqlite3");
        for _ in 0..2 {
            let ledger = SqliteStore::open(&path).unwrap();
            let id = GrantId([1; 16]);
            ledger.swap_grant(id, None, record()).await.unwrap();
            for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
                let entry = entry.unwrap();
                let mode = entry.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }

    #[tokio::test]
    async fn file_with_the_first_layout_is_migrated() {
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
        let ledger = SqliteStore::open(&path).unwrap();
        let found = ledger.grant(GrantId([1; 16])).await.unwrap().unwrap();
        assert_eq!((found.version, found.record.generation), (Version(7), 3));
        assert_eq!(found.record.sealed, "");
        drop(ledger);
        SqliteStore::open(&path).unwrap();
    }

    /// Written out, so that a change of [`UPGRADES`] does not change this test.
    const SECOND_LAYOUT: &str = "\
        CREATE TABLE grants (id BLOB PRIMARY KEY, version INTEGER NOT NULL, \
        generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL, revoked INTEGER NOT NULL, \
        expires_at INTEGER NOT NULL, sealed TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID; \
        CREATE INDEX grants_by_age ON grants (expires_at); PRAGMA user_version = 2; \
        INSERT INTO grants VALUES (x'01010101010101010101010101010101', 7, 3, 1000, 1, \
        9223372036854775807, 'mcpo_up_AAAA');";

    #[tokio::test]
    async fn file_with_the_second_layout_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(SECOND_LAYOUT).unwrap();
        drop(old);
        let ledger = SqliteStore::open(&path).unwrap();
        let found = ledger.grant(GrantId([1; 16])).await.unwrap().unwrap();
        assert_eq!((found.version, found.record.generation), (Version(7), 3));
        assert_eq!(found.record.rotated_at, Timestamp(1000));
        assert!(found.record.revoked);
        assert_eq!(found.record.sealed, "mcpo_up_AAAA");
    }

    #[test]
    fn file_with_a_newer_layout_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let newer = Connection::open(&path).unwrap();
        newer
            .pragma_update(None, "user_version", LAYOUT + 1)
            .unwrap();
        let refused = SqliteStore::open(&path).err().unwrap();
        assert!(format!("{refused:?}").contains("newer mcpo"), "{refused:?}");
    }
}
