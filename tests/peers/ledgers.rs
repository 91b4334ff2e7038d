//! The contract that every ledger must keep. The bucket is tested against the fake Google; the
//! ledger in Redis has a separate module.

use std::{sync::Arc, time::Duration};

use mcpo_runtime::{
    Timestamp,
    store::{
        BucketName, GcsStore, GrantId, GrantRecord, GrantStore, MemoryStore, SqliteStore, Swap,
    },
};
use mcpo_test_support::{
    client::http,
    clock::ManualClock,
    google::{DEPLOYER, Fault, Google, InitialState, PROJECT},
};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

const BUCKET: &str = "my-ledger";
pub const INSERT: &str = "storage.objects.insert";
const GET: &str = "storage.objects.get";

pub fn id(number: u8) -> GrantId {
    GrantId::from_bytes([number; 16])
}

pub fn record(clock: &ManualClock, generation: u64) -> GrantRecord {
    let now = mcpo_runtime::Clock::now(clock);
    let mut record = GrantRecord::new(now, now.plus(Duration::from_secs(60)));
    record.generation = generation;
    record
}

pub async fn assert_ledger_contract(ledger: Arc<dyn GrantStore>, clock: &ManualClock) {
    assert_eq!(ledger.grant(id(1)).await.unwrap(), None);
    let first = record(clock, 0);
    let made = ledger.swap_grant(id(1), None, first.clone()).await.unwrap();
    assert_eq!(made, Swap::Done);
    let again = ledger.swap_grant(id(1), None, first.clone()).await.unwrap();
    assert_eq!(again, Swap::Conflict, "a code is spent once");
    let found = ledger.grant(id(1)).await.unwrap().unwrap();
    assert_eq!(found.record, first);

    let mut next = record(clock, 1);
    next.revoked = true;
    next.sealed = "sealed-_".repeat(2 * 1024);
    let version = Some(found.version);
    let swapped = ledger
        .swap_grant(id(1), version, next.clone())
        .await
        .unwrap();
    assert_eq!(swapped, Swap::Done);
    let late = ledger.swap_grant(id(1), version, first).await.unwrap();
    assert_eq!(late, Swap::Conflict, "the version was replaced");
    assert_eq!(ledger.grant(id(1)).await.unwrap().unwrap().record, next);

    assert_one_concurrent_insert_succeeds(&ledger, clock).await;
    assert_no_rotation_is_lost(&ledger, clock).await;

    clock.advance(Duration::from_secs(61));
    assert_eq!(ledger.grant(id(1)).await.unwrap(), None, "it has expired");
}

async fn assert_one_concurrent_insert_succeeds(ledger: &Arc<dyn GrantStore>, clock: &ManualClock) {
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let (ledger, record) = (Arc::clone(ledger), record(clock, 0));
        tasks.spawn(async move { ledger.swap_grant(id(2), None, record).await.unwrap() });
    }
    let swaps = tasks.join_all().await;
    let done = swaps.iter().filter(|swap| **swap == Swap::Done).count();
    assert_eq!(done, 1, "{swaps:?}");
}

async fn assert_no_rotation_is_lost(ledger: &Arc<dyn GrantStore>, clock: &ManualClock) {
    let first = record(clock, 0);
    ledger.swap_grant(id(3), None, first).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (ledger, next) = (Arc::clone(ledger), record(clock, 0));
        tasks.spawn(async move {
            loop {
                let found = ledger.grant(id(3)).await.unwrap().unwrap();
                let mut next = next.clone();
                next.generation = found.record.generation + 1;
                let swap = ledger.swap_grant(id(3), Some(found.version), next).await;
                if swap.unwrap() == Swap::Done {
                    return;
                }
            }
        });
    }
    tasks.join_all().await;
    let found = ledger.grant(id(3)).await.unwrap().unwrap();
    assert_eq!(found.record.generation, 8);
}

/// A bucket at a fake Google, which stops when the value is dropped.
pub struct Bucket {
    google: Option<Google>,
    ledger: Arc<dyn GrantStore>,
    clock: Arc<ManualClock>,
}

impl Bucket {
    pub async fn new() -> Self {
        // The fake starts a separate runtime, which cannot start or stop inside another runtime.
        let begin = || {
            Google::start_with(InitialState {
                is_enabled: true,
                ..InitialState::default()
            })
        };
        let google = tokio::task::spawn_blocking(begin).await.unwrap();
        let address = format!("http://{}", google.address());
        let made = http()
            .build()
            .unwrap()
            .post(format!("{address}/storage/v1/b"))
            .query(&[("project", PROJECT)])
            .bearer_auth(google.token(DEPLOYER))
            .json(&json!({ "name": BUCKET }));
        let made = made.send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.text().await.unwrap());
        let clock = Arc::new(ManualClock::default());
        let name = BucketName::parse(BUCKET).unwrap();
        let ledger = GcsStore::at_emulator(name, &address, Some(&address), clock.clone());
        Self {
            google: Some(google),
            ledger: Arc::new(ledger.unwrap()),
            clock,
        }
    }

    /// Returns the environment variables of a server that keeps its ledger in the bucket.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let address = self.google.as_ref().unwrap().address().to_string();
        vec![
            ("MCPO_LEDGER", format!("gs://{BUCKET}")),
            ("STORAGE_EMULATOR_HOST", address.clone()),
            ("GCE_METADATA_HOST", address),
        ]
    }

    /// Returns the name and the content of each object.
    pub fn contents(&self) -> Vec<(String, Vec<u8>)> {
        self.google.as_ref().unwrap().contents()
    }

    pub fn fail(&self, method: &str, fault: Fault, times: u32) {
        self.google.as_ref().unwrap().fail(method, fault, times);
    }

    async fn make(&self, number: u8) -> Result<Swap, String> {
        let record = record(&self.clock, 0);
        let swap = self.ledger.swap_grant(id(number), None, record).await;
        swap.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", cause.unwrap_or_default())
        })
    }

    pub async fn end(mut self) {
        let google = self.google.take();
        tokio::task::spawn_blocking(move || drop(google))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn memory_ledger_keeps_the_contract() {
    let clock = Arc::new(ManualClock::default());
    let ledger = Arc::new(MemoryStore::with_clock(clock.clone()));
    assert_ledger_contract(ledger, &clock).await;
}

#[tokio::test]
async fn sqlite_ledger_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let path = folder.path().join("ledger.sqlite3");
    let ledger = SqliteStore::open_with_clock(&path, clock.clone()).unwrap();
    assert_ledger_contract(Arc::new(ledger), &clock).await;
}

#[tokio::test]
async fn bucket_ledger_keeps_the_contract() {
    let bucket = Bucket::new().await;
    assert_ledger_contract(Arc::clone(&bucket.ledger), &bucket.clock).await;
    bucket.end().await;
}

/// Anyone can create records by starting to sign in, so expired records must be deleted.
#[tokio::test]
async fn custom_time_of_an_object_is_the_expiry_of_the_record() {
    let bucket = Bucket::new().await;
    let lives_until = |seconds: u64| {
        let mut record = record(&bucket.clock, 0);
        record.expires_at = Timestamp::from_secs(seconds);
        record
    };
    let ledger = &bucket.ledger;
    let short = lives_until(4_102_444_800);
    assert_eq!(
        ledger.swap_grant(id(1), None, short).await.unwrap(),
        Swap::Done
    );
    let times = || bucket.google.as_ref().unwrap().custom_times();
    let name = format!("grant-{}", "01".repeat(16));
    assert_eq!(
        times(),
        [(name.clone(), Some("2100-01-01T00:00:00Z".into()))]
    );
    // A longer lifetime of the record extends the lifetime of the object.
    let version = ledger.grant(id(1)).await.unwrap().unwrap().version;
    let longer = lives_until(4_102_531_200);
    let swap = ledger.swap_grant(id(1), Some(version), longer).await;
    assert_eq!(swap.unwrap(), Swap::Done);
    assert_eq!(times(), [(name, Some("2100-01-02T00:00:00Z".into()))]);
    bucket.end().await;
}

#[tokio::test]
async fn temporary_bucket_errors_are_retried() {
    let bucket = Bucket::new().await;
    bucket.fail(INSERT, Fault::LostResponse, 1);
    assert_eq!(
        bucket.make(1).await,
        Ok(Swap::Done),
        "the lost write is recognized"
    );
    bucket.fail(INSERT, Fault::Status(503), 2);
    assert_eq!(bucket.make(2).await, Ok(Swap::Done));
    bucket.fail(INSERT, Fault::Quota(Some(1)), 1);
    let asked = Instant::now();
    assert_eq!(bucket.make(3).await, Ok(Swap::Done));
    assert!(
        asked.elapsed() >= Duration::from_secs(1),
        "Retry-After is respected"
    );
    bucket.fail(GET, Fault::Disconnect, 1);
    assert!(bucket.ledger.grant(id(3)).await.unwrap().is_some());
    bucket.fail(INSERT, Fault::TokensExpire, 1);
    assert_eq!(
        bucket.make(4).await,
        Ok(Swap::Done),
        "another token is fetched"
    );
    bucket.end().await;
}

#[tokio::test]
async fn unresponsive_bucket_times_out() {
    let bucket = Bucket::new().await;
    bucket.fail(INSERT, Fault::Hangs(30), 9);
    let asked = Instant::now();
    let outcome = bucket.make(1).await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert!(
        asked.elapsed() < Duration::from_secs(9),
        "clients wait ten seconds"
    );
    bucket.end().await;
}

#[tokio::test]
async fn denied_bucket_access_names_the_required_role() {
    let bucket = Bucket::new().await;
    bucket.fail(INSERT, Fault::Denied("storage.objects.create"), 1);
    let error = bucket.make(1).await.unwrap_err();
    assert!(error.contains("roles/storage.objectUser"), "{error}");
    bucket.end().await;
}
