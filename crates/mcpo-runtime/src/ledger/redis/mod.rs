//! A ledger in Redis or Valkey: for many instances anywhere.
//!
//! Each grant is one key, and everything that is done to it is one command or one script on that
//! key, so it makes no difference whether a cluster is behind the address. A record's version is
//! the random number that its writer gave it; the script writes only where the version still is
//! the expected one. Redis drops a key when its record has expired.
//!
//! How much a crash of Redis forgets is Redis's own setting: with `appendonly yes` and
//! `appendfsync always` nothing that was answered. A record that it forgets ends its grant. A stale
//! replica that is promoted brings back what it knew: see `docs/ledger.md`.

mod address;
mod link;
mod metered;

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable as _};
use redis::Cmd;

pub use self::address::{RedisAddress, RedisAddressError};
use self::link::{Link, Trouble};
use super::{GrantId, GrantRecord, Ledger, LedgerError, LedgerFuture, Swap, Version, Versioned};
use crate::{
    clock::{Clock, Timestamp},
    random,
};

/// Everything that one question to the ledger may take, all tries together: clients wait ten
/// seconds for a token.
const DEADLINE: Duration = Duration::from_secs(6);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// `KEYS[1]` the grant; the expected version (empty: none), the new one, the time in seconds, the
/// record's end in seconds, the record. 1: done, also if it had been done before and only the
/// answer was lost.
///
/// It is sent whole each time: that is a few hundred bytes at each refresh, and no failover, flush
/// or new node is a special case.
const SWAP: &str = "\
local held = redis.call('GET', KEYS[1])
local version, ends = '', 0
if held then
  version, ends = string.match(held, '^(%x+) (%d+) ')
end
if version == ARGV[2] then return 1 end
if ARGV[1] == '' and tonumber(ends) <= tonumber(ARGV[3]) then version = '' end
if version ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5])
redis.call('EXPIREAT', KEYS[1], ARGV[4])
return 1";

/// A ledger in Redis or Valkey, shared by any number of instances anywhere.
pub struct RedisLedger {
    clock: Arc<dyn Clock>,
    link: Link,
}

impl RedisLedger {
    /// A ledger at `address`. Nothing is asked of it yet.
    #[must_use]
    pub fn new(address: RedisAddress, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            link: Link::new(address),
        }
    }

    /// Says in the log what a sign-in would stumble over, when a server starts.
    pub(crate) async fn greet(&self) {
        if let Err(error) = self.read(GrantId([0; 16])).await {
            let error = crate::oauth_error::chain(&error);
            tracing::error!(ledger = %self.link.address(), error, "the ledger does not answer");
        }
    }

    async fn read(&self, id: GrantId) -> Result<Option<Versioned>, LedgerError> {
        const ACTION: &str = "read a grant";
        let mut get = redis::cmd("GET");
        get.arg(key(id));
        let text: Option<String> = self.ask(ACTION, &get).await?;
        text.map(|text| parse(&text).ok_or_else(|| LedgerError::new(ACTION, NOT_OURS)))
            .transpose()
    }

    async fn swap(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: &GrantRecord,
    ) -> Result<Swap, LedgerError> {
        const ACTION: &str = "write a grant";
        let version = random::bytes().map_err(|error| LedgerError::new(ACTION, error))?;
        let record =
            serde_json::to_string(next).map_err(|error| LedgerError::new(ACTION, error))?;
        let mut eval = redis::cmd("EVAL");
        eval.arg(SWAP)
            .arg(1)
            .arg(key(id))
            .arg(expected.map(hex).unwrap_or_default())
            .arg(hex(Version(u64::from_be_bytes(version))))
            .arg(self.clock.now().0)
            .arg(seconds(next.expires_at))
            .arg(record);
        let done: bool = self.ask(ACTION, &eval).await?;
        Ok(if done { Swap::Done } else { Swap::Conflict })
    }

    /// Tries again what may go better the next time, and gives up at the deadline. A write may be
    /// sent twice: the script knows a version that it has written.
    async fn ask<T: redis::FromRedisValue>(
        &self,
        action: &'static str,
        command: &Cmd,
    ) -> Result<T, LedgerError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .without_max_times()
            .with_jitter();
        let tries = (|| self.link.ask(command))
            .retry(pauses)
            .when(Trouble::is_passing)
            .notify(|trouble, _| tracing::warn!(%trouble, "failed to {action}; trying again"));
        let answer = tokio::time::timeout(DEADLINE, tries).await;
        let answer = answer.map_err(|_| {
            let cause = format!("no good answer within {} seconds", DEADLINE.as_secs());
            LedgerError::new(action, cause)
        })?;
        let value = answer.map_err(|trouble| LedgerError::new(action, trouble))?;
        redis::from_redis_value(value).map_err(|_| LedgerError::new(action, NOT_OURS))
    }
}

const NOT_OURS: &str = "what Redis holds there is not a grant of this version";

fn key(id: GrantId) -> String {
    let mut key = String::from("mcpo:grant:");
    for byte in id.0 {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

fn hex(version: Version) -> String {
    format!("{:016x}", version.0)
}

/// Redis's times are signed; times beyond the range are as good as never.
fn seconds(timestamp: Timestamp) -> u64 {
    const FAR: u64 = 1 << 42;
    timestamp.0.min(FAR)
}

/// Version, end and record, as [`SWAP`] writes them.
fn parse(text: &str) -> Option<Versioned> {
    let mut parts = text.splitn(3, ' ');
    let version = u64::from_str_radix(parts.next()?, 16).ok()?;
    parts.next()?;
    let record = serde_json::from_str(parts.next()?).ok()?;
    let version = Version(version);
    Some(Versioned { record, version })
}

impl Ledger for RedisLedger {
    fn grant(&self, id: GrantId) -> LedgerFuture<'_, Option<Versioned>> {
        Box::pin(async move {
            let found = self.read(id).await?;
            Ok(found.filter(|found| found.record.expires_at > self.clock.now()))
        })
    }

    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> LedgerFuture<'_, Swap> {
        Box::pin(async move { self.swap(id, expected, &next).await })
    }

    fn clock_difference(&self) -> LedgerFuture<'_, Option<i64>> {
        Box::pin(async move {
            let (began, asked) = (Instant::now(), self.clock.now());
            // Seconds and microseconds, as text.
            let (seconds, _): (u64, u64) = self.ask("read its clock", &redis::cmd("TIME")).await?;
            // An answer that was long on its way says little.
            if began.elapsed() > Duration::from_secs(2) {
                return Err(LedgerError::new(
                    "read its clock",
                    "the answer took too long",
                ));
            }
            Ok(Some(super::difference(Timestamp(seconds), asked)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that earlier versions wrote.
    #[test]
    fn records_of_earlier_versions_are_read() {
        let plain = parse(
            "00000000deadbeef 1807776000 {\"generation\":3,\"rotated_at\":1800000000,\
             \"revoked\":false,\"expires_at\":1807776000}",
        );
        let record = GrantRecord {
            generation: 3,
            rotated_at: Timestamp(1_800_000_000),
            revoked: false,
            expires_at: Timestamp(1_807_776_000),
            sealed: String::new(),
        };
        let version = Version(0xdead_beef);
        assert_eq!(
            plain,
            Some(Versioned {
                record: record.clone(),
                version
            })
        );
        let revoked = parse(
            "00000000deadbeef 1807776000 {\"generation\":3,\"rotated_at\":1800000000,\
             \"revoked\":true,\"expires_at\":1807776000,\"sealed\":\"mcpo_up_AAAA\"}",
        );
        let record = GrantRecord {
            revoked: true,
            sealed: "mcpo_up_AAAA".into(),
            ..record
        };
        assert_eq!(revoked, Some(Versioned { record, version }));
    }

    #[test]
    fn keys_and_versions_are_written_as_before() {
        let key = key(GrantId([0xab; 16]));
        assert_eq!(key, "mcpo:grant:abababababababababababababababab");
        assert_eq!(hex(Version(255)), "00000000000000ff");
    }
}
