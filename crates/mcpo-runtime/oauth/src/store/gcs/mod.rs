//! A ledger in a Google Cloud Storage bucket, which needs no server and no administration.
//!
//! Each grant is one object, and its generation number is the version of the record. A write names
//! the generation that it replaces (`ifGenerationMatch`), and the bucket accepts only one write for
//! each generation. Each object has an expiry time (`customTime`). A lifecycle rule of the bucket
//! deletes it one day later; `mcpo deploy` creates the bucket with this rule.
//! <https://cloud.google.com/storage/docs/request-preconditions>

mod http;
mod object;
mod token;

use std::{fmt, sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable as _};
use serde::{Deserialize, Serialize};
use url::Url;

pub(crate) use self::http::Endpoints;
pub use self::http::{BucketName, BucketNameError};
use self::{http::GcsError, object::Objects};
use super::{
    contract::{
        GrantId, GrantRecord, GrantStore, StoreError, StoreFuture, Swap, Version, Versioned,
    },
    prefix::RecordPrefix,
};
use crate::base::{clock::Clock, random};

/// The time limit for one request to the ledger, including all retries: clients wait ten seconds
/// for a token.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
const MIN_RETRY_DELAY: Duration = Duration::from_millis(200);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(2);
const MAX_ATTEMPTS: usize = 6;

/// A ledger in a bucket, which any number of instances on any machine can share.
pub struct GcsStore {
    clock: Arc<dyn Clock>,
    objects: Objects,
}

/// The content of an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    record: GrantRecord,
    /// Random, and new for each write. It identifies a write whose response was lost, and
    /// distinguishes two writers of the same record.
    write: [u8; 16],
}

/// An object that was read.
#[derive(Debug)]
struct Found {
    stored: Stored,
    generation: u64,
}

/// The result of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    Done,
    /// The object has another generation.
    Refused,
}

impl fmt::Debug for GcsStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GcsStore").finish_non_exhaustive()
    }
}

impl GcsStore {
    /// Creates a ledger in `bucket`. It does not connect yet.
    pub(crate) fn new(bucket: BucketName, endpoints: Endpoints, clock: Arc<dyn Clock>) -> Self {
        Self {
            objects: Objects::new(bucket, endpoints, Arc::clone(&clock)),
            clock,
        }
    }

    /// Returns a ledger whose objects have names with this prefix.
    pub(crate) fn with_prefix(mut self, prefix: RecordPrefix) -> Self {
        self.objects.set_prefix(prefix);
        self
    }

    /// Creates a ledger in a bucket of an emulator: `storage` is the URL of its Cloud Storage, and
    /// `metadata` that of its metadata server. Without `metadata`, requests have no tokens.
    pub fn at_emulator(
        bucket: BucketName,
        storage: &str,
        metadata: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let parse = |url: &str| {
            Url::parse(url).map_err(|error| StoreError::new("parse the endpoint URL", error))
        };
        let metadata = metadata.map(parse).transpose()?;
        let endpoints = Endpoints::new(Some(parse(storage)?), metadata);
        Ok(Self::new(bucket, endpoints, clock))
    }

    async fn read(&self, id: GrantId) -> Result<Option<Found>, StoreError> {
        with_retries("read a grant", || self.objects.get(id)).await
    }

    async fn swap(
        &self,
        id: GrantId,
        expected: Option<Version>,
        record: GrantRecord,
    ) -> Result<Swap, StoreError> {
        const ACTION: &str = "write a grant";
        let write = random::bytes().map_err(|error| StoreError::new(ACTION, error))?;
        let stored = Stored { record, write };
        let expires_at = stored.record.expires_at;
        let text =
            serde_json::to_string(&stored).map_err(|error| StoreError::new(ACTION, error))?;
        let mut generation = expected.map_or(0, |version| version.0);
        loop {
            let put = || self.objects.put(id, generation, &text, expires_at);
            let put = with_retries(ACTION, put).await?;
            if put == Put::Done {
                return Ok(Swap::Done);
            }
            match self.read(id).await? {
                Some(found) if found.stored.write == write => return Ok(Swap::Done),
                // The record has expired, so for all callers it no longer exists. The bucket has
                // just not deleted it yet.
                Some(found)
                    if expected.is_none()
                        && found.generation != generation
                        && found.stored.record.expires_at <= self.clock.now() =>
                {
                    generation = found.generation;
                }
                _ => return Ok(Swap::Conflict),
            }
        }
    }
}

/// Retries failures that may be temporary.
async fn with_retries<T, F: Future<Output = Result<T, GcsError>>>(
    action: &'static str,
    attempt: impl FnMut() -> F,
) -> Result<T, StoreError> {
    let delays = ExponentialBuilder::default()
        .with_min_delay(MIN_RETRY_DELAY)
        .with_max_delay(MAX_RETRY_DELAY)
        .with_max_times(MAX_ATTEMPTS - 1)
        .with_jitter();
    let attempts = attempt
        .retry(delays)
        .when(GcsError::is_transient)
        .adjust(|error: &GcsError, delay| match error.retry_after() {
            Some(asked) => delay.map(|delay| delay.max(asked)),
            None => delay,
        })
        .notify(|error, _| tracing::warn!(%error, "failed to {action}; trying again"));
    attempts
        .await
        .map_err(|error| StoreError::new(action, error))
}

/// Stops `work` at the deadline. Its earlier failures are in the log.
async fn with_timeout<T>(
    action: &'static str,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let outcome = tokio::time::timeout(REQUEST_TIMEOUT, work).await;
    outcome.unwrap_or_else(|_| {
        let cause = format!("no response within {} seconds", REQUEST_TIMEOUT.as_secs());
        Err(StoreError::new(action, cause))
    })
}

impl GrantStore for GcsStore {
    fn grant(&self, id: GrantId) -> StoreFuture<'_, Option<Versioned>> {
        Box::pin(async move {
            let found = with_timeout("read a grant", self.read(id))
                .await?
                .map(|found| Versioned {
                    record: found.stored.record,
                    version: Version(found.generation),
                });
            Ok(found.filter(|found| found.record.expires_at > self.clock.now()))
        })
    }

    fn swap_grant(
        &self,
        id: GrantId,
        expected: Option<Version>,
        next: GrantRecord,
    ) -> StoreFuture<'_, Swap> {
        Box::pin(with_timeout("write a grant", self.swap(id, expected, next)))
    }

    /// Every response of Google contains the current time. The first one comes from reading an
    /// object that does not exist.
    fn clock_difference(&self) -> StoreFuture<'_, Option<i64>> {
        Box::pin(async move {
            if self.objects.clock_difference().is_none() {
                with_timeout("read its clock", self.read(GrantId([0; 16]))).await?;
            }
            let unknown = || StoreError::new("read its clock", "the response has no date");
            let difference = self.objects.clock_difference().ok_or_else(unknown)?;
            Ok(Some(difference))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    /// Objects that earlier versions wrote.
    #[test]
    fn records_of_earlier_versions_are_read() {
        let write = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]";
        let text = format!(
            "{{\"record\":{{\"generation\":3,\"rotated_at\":1800000000,\"revoked\":true,\
             \"expires_at\":1807776000,\"sealed\":\"mcpo_up_AAAA\"}},\"write\":{write}}}"
        );
        let stored: Stored = serde_json::from_str(&text).unwrap();
        let expected = GrantRecord {
            generation: 3,
            rotated_at: Timestamp(1_800_000_000),
            revoked: true,
            expires_at: Timestamp(1_807_776_000),
            sealed: "mcpo_up_AAAA".into(),
        };
        assert_eq!(stored.record, expected);
        assert_eq!(stored.write[15], 16);
        assert_eq!(serde_json::to_string(&stored).unwrap(), text);
        let without = text.replace(",\"sealed\":\"mcpo_up_AAAA\"", "");
        let stored: Stored = serde_json::from_str(&without).unwrap();
        assert_eq!(stored.record.sealed, "");
    }
}
