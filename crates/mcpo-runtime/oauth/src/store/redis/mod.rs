//! A ledger in Redis or Valkey: for many instances on different machines.
//!
//! Each grant is one key, and every operation is one command or one script on that key, so the
//! address may also lead to a cluster. The version of a record is a random number from its writer.
//! The script writes only if the version is still the expected one. Redis deletes a key when its
//! record has expired.
//!
//! The settings of Redis determine how much it forgets in a crash: nothing with `appendonly yes`
//! and `appendfsync always`. A forgotten record ends its grant. A stale replica that is promoted
//! restores old records: see `docs/ledger.md`.

mod address;
mod link;
mod metered;

use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable as _};
use redis::Cmd;

pub use self::address::{RedisAddress, RedisAddressError};
use self::link::{Link, LinkError};
use super::{
    contract::{
        GrantId, GrantRecord, GrantStore, StoreError, StoreFuture, Swap, Version, Versioned,
    },
    prefix::RecordPrefix,
};
use crate::base::{
    clock::{Clock, Timestamp},
    random,
};

/// The time limit for one request to the ledger, including all retries: clients wait ten seconds
/// for a token.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(6);
const MIN_RETRY_DELAY: Duration = Duration::from_millis(50);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);

/// `KEYS[1]` is the grant. The arguments are the expected version (empty: no record), the new
/// version, the time in seconds, the end of the record in seconds, and the record. The script
/// returns 1 if the write was made, also if it was made before and only its response was lost.
///
/// The script is sent in full each time. That costs a few hundred bytes per refresh, and no
/// failover, flush or new node needs special handling.
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

/// A ledger in Redis or Valkey, which any number of instances on any machine can share.
pub struct RedisStore {
    clock: Arc<dyn Clock>,
    link: Link,
    prefix: RecordPrefix,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisStore")
            .field("address", self.link.address())
            .finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Creates a ledger at `address`. It does not connect yet.
    #[must_use]
    pub fn new(address: RedisAddress, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            link: Link::new(address),
            prefix: RecordPrefix::default(),
        }
    }

    /// Returns a ledger whose keys have this prefix.
    pub(crate) fn with_prefix(mut self, prefix: RecordPrefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// Logs at start-up if the ledger does not work, before the first sign-in fails.
    pub(crate) async fn check(&self) {
        if let Err(error) = self.read(GrantId([0; 16])).await {
            let error = crate::base::error_chain::chain(&error);
            tracing::error!(ledger = %self.link.address(), error, "cannot reach the ledger");
        }
    }

    async fn read(&self, id: GrantId) -> Result<Option<Versioned>, StoreError> {
        const ACTION: &str = "read a grant";
        let mut get = redis::cmd("GET");
        get.arg(key(&self.prefix, id));
        let text: Option<String> = self.ask(ACTION, &get).await?;
        text.map(|text| parse(&text).ok_or_else(|| StoreError::new(ACTION, NOT_OURS)))
            .transpose()
    }

    async fn swap(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: &GrantRecord,
    ) -> Result<Swap, StoreError> {
        const ACTION: &str = "write a grant";
        let version = random::bytes().map_err(|error| StoreError::new(ACTION, error))?;
        let record = serde_json::to_string(next).map_err(|error| StoreError::new(ACTION, error))?;
        let mut eval = redis::cmd("EVAL");
        eval.arg(SWAP)
            .arg(1)
            .arg(key(&self.prefix, id))
            .arg(expected.map(hex).unwrap_or_default())
            .arg(hex(Version(u64::from_be_bytes(version))))
            .arg(self.clock.now().0)
            .arg(seconds(next.expires_at))
            .arg(record);
        let done: bool = self.ask(ACTION, &eval).await?;
        Ok(if done { Swap::Done } else { Swap::Conflict })
    }

    /// Retries failures that may be temporary until the deadline. A write may be sent twice: the
    /// script recognizes a version that it has written.
    async fn ask<T: redis::FromRedisValue>(
        &self,
        action: &'static str,
        command: &Cmd,
    ) -> Result<T, StoreError> {
        let delays = ExponentialBuilder::default()
            .with_min_delay(MIN_RETRY_DELAY)
            .with_max_delay(MAX_RETRY_DELAY)
            .without_max_times()
            .with_jitter();
        let attempts = (|| self.link.ask(command))
            .retry(delays)
            .when(LinkError::is_transient)
            .notify(|trouble, _| tracing::warn!(%trouble, "failed to {action}; trying again"));
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, attempts).await;
        let answer = answer.map_err(|_| {
            let cause = format!(
                "no successful response within {} seconds",
                REQUEST_TIMEOUT.as_secs()
            );
            StoreError::new(action, cause)
        })?;
        let value = answer.map_err(|trouble| StoreError::new(action, trouble))?;
        redis::from_redis_value(value).map_err(|_| StoreError::new(action, NOT_OURS))
    }
}

const NOT_OURS: &str = "the value in Redis is not a grant record that this version can read";

fn key(prefix: &RecordPrefix, id: GrantId) -> String {
    let mut key = format!("{prefix}mcpo:grant:");
    for byte in id.0 {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

fn hex(version: Version) -> String {
    format!("{:016x}", version.0)
}

/// Redis's times are signed. Times beyond their range mean never.
fn seconds(timestamp: Timestamp) -> u64 {
    const MAX_EXPIRY_SECONDS: u64 = 1 << 42;
    timestamp.0.min(MAX_EXPIRY_SECONDS)
}

/// Parses version, end and record, as [`SWAP`] writes them.
fn parse(text: &str) -> Option<Versioned> {
    let mut parts = text.splitn(3, ' ');
    let version = u64::from_str_radix(parts.next()?, 16).ok()?;
    parts.next()?;
    let record = serde_json::from_str(parts.next()?).ok()?;
    let version = Version(version);
    Some(Versioned { record, version })
}

impl GrantStore for RedisStore {
    fn grant(&self, id: GrantId) -> StoreFuture<'_, Option<Versioned>> {
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
    ) -> StoreFuture<'_, Swap> {
        Box::pin(async move { self.swap(id, expected, &next).await })
    }

    fn clock_difference(&self) -> StoreFuture<'_, Option<i64>> {
        Box::pin(async move {
            let (began, asked) = (Instant::now(), self.clock.now());
            // The response is seconds and microseconds, as text.
            let (seconds, _): (u64, u64) = self.ask("read its clock", &redis::cmd("TIME")).await?;
            // A slow response is too imprecise.
            if began.elapsed() > Duration::from_secs(2) {
                return Err(StoreError::new(
                    "read its clock",
                    "the answer took too long",
                ));
            }
            Ok(Some(super::contract::difference(Timestamp(seconds), asked)))
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
    fn formats_of_keys_and_versions_are_unchanged() {
        let id = GrantId([0xab; 16]);
        let plain = "mcpo:grant:abababababababababababababababab";
        assert_eq!(key(&RecordPrefix::default(), id), plain);
        let prefix = RecordPrefix::parse("preview.a.").unwrap();
        assert_eq!(key(&prefix, id), format!("preview.a.{plain}"));
        assert_eq!(hex(Version(255)), "00000000000000ff");
    }
}
