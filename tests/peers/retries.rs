//! A code exchange or refresh that was answered with 503 succeeds when the client repeats it, with
//! each ledger and for each way in which the ledger can fail.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use mcpo_test_support::{
    client::{TestClient, http, query_of},
    google::Fault,
    process::{ServerProcess, free_port},
    redis::{RedisServer, Setup},
};
use reqwest::{StatusCode, redirect::Policy};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    task::JoinSet,
    time::Instant,
};

use super::{SERVER, ledgers::Bucket};

/// The number of codes, and of refresh tokens, that each test uses.
const RUNS: usize = 10;
/// Clients time out after ten seconds.
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(9);
/// The time after which a client stops retrying.
const RETRY_TIMEOUT: Duration = Duration::from_secs(40);

fn runs() -> usize {
    let runs = std::env::var("MCPO_TEST_RUNS");
    runs.ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

/// A token request that a client is about to send.
struct Pending {
    client: Arc<TestClient>,
    parameters: Vec<(&'static str, String)>,
}

/// Prepares token requests; half of them use codes, half refresh tokens.
async fn pending(base: &str) -> Vec<Pending> {
    let mut all = Vec::new();
    let id = TestClient::register(base).await.id;
    for number in 0..runs() {
        // Each client uses a separate address, so that none of them is throttled.
        let number = u32::try_from(number).unwrap();
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 3, 0, 1)) + number);
        let browser = http()
            .redirect(Policy::none())
            .cookie_store(true)
            .local_address(IpAddr::V4(address));
        let client = Arc::new(TestClient {
            http: browser.build().unwrap(),
            base: base.to_owned(),
            id: id.clone(),
            secret: None,
        });
        let url = client.sign_in_and_allow(&client.request(), None).await;
        let parameters = client.exchange(&query_of(&url, "code").unwrap());
        let exchange = Pending {
            client: Arc::clone(&client),
            parameters,
        };
        let tokens = client.tokens().await;
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let parameters = vec![
            ("grant_type", "refresh_token".into()),
            ("refresh_token", token),
            ("client_id", client.id.clone()),
        ];
        all.extend([exchange, Pending { client, parameters }]);
    }
    all
}

/// Sends all requests together, repeats those answered with 503, and returns how many those were.
async fn all_succeed(pending: Vec<Pending>) -> usize {
    let mut sent = JoinSet::new();
    for Pending { client, parameters } in pending {
        sent.spawn(async move {
            let (began, mut repeated) = (Instant::now(), 0);
            let tokens: Value = loop {
                let asked = Instant::now();
                let (status, body) = client.token(&parameters).await;
                assert!(asked.elapsed() < MAX_RESPONSE_TIME, "{:?}", asked.elapsed());
                match status {
                    StatusCode::OK => break body,
                    StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                        repeated += usize::from(status == StatusCode::SERVICE_UNAVAILABLE);
                    }
                    _ => panic!("{status}: {body}"),
                }
                assert!(began.elapsed() < RETRY_TIMEOUT, "still 503");
                tokio::time::sleep(Duration::from_millis(500)).await;
            };
            let access = tokens["access_token"].as_str().unwrap();
            assert_eq!(client.can_call(access).await, StatusCode::OK);
            repeated.min(1)
        });
    }
    sent.join_all().await.into_iter().sum()
}

async fn start(folder: &TempDir, environment: &[(&str, &str)]) -> ServerProcess {
    let environment = [&[("MCPO_LOG", "off")], environment].concat();
    ServerProcess::start(SERVER, free_port(), folder.path(), &environment).await
}

/// Sends all requests while the fault lasts.
async fn send_during_fault(
    base: &str,
    begin: impl AsyncFnOnce(),
    end: impl AsyncFnOnce(),
) -> usize {
    let pending = pending(base).await;
    begin().await;
    let sent = tokio::spawn(all_succeed(pending));
    // Longer than any request waits.
    tokio::time::sleep(Duration::from_secs(10)).await;
    end().await;
    sent.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_as18_retries_succeed_after_a_stopped_redis() {
    let redis = RedisServer::start(Setup::default());
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder, &[("MCPO_LEDGER", &redis.url())]).await;
    let repeated = send_during_fault(
        &server.base(),
        async || redis.pause(),
        async || {
            redis.resume();
        },
    )
    .await;
    assert_eq!(repeated, 2 * runs());
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_as18_retries_succeed_after_a_redis_pause() {
    let redis = RedisServer::start(Setup::default());
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder, &[("MCPO_LEDGER", &redis.url())]).await;
    let pause = async || {
        redis.command(&["CLIENT", "PAUSE", "9500", "ALL"]);
    };
    let repeated = send_during_fault(&server.base(), pause, async || {}).await;
    assert_eq!(repeated, 2 * runs());
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_as18_retries_succeed_after_a_sqlite_lock() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder, &[]).await;
    let path = folder.path().join("ledger.sqlite3");
    assert!(fs::exists(&path).unwrap());
    // A process that holds the lock until its stdin ends.
    let script = "import sqlite3, sys\n\
        c = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        c.execute('PRAGMA busy_timeout = 10000')\n\
        c.execute('BEGIN IMMEDIATE')\n\
        print('locked', flush=True)\n\
        sys.stdin.read()\n\
        c.execute('ROLLBACK')\n";
    let pending = pending(&server.base()).await;
    let mut holder = Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("locked"));
    let sent = tokio::spawn(all_succeed(pending));
    tokio::time::sleep(Duration::from_secs(10)).await;
    drop(holder.stdin.take());
    holder.wait().await.unwrap();
    let repeated = sent.await.unwrap();
    println!("{repeated} of {} were answered 503 at first", 2 * runs());
    assert_eq!(repeated, 2 * runs());
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_as18_retries_succeed_after_bucket_faults() {
    let faults = [Fault::LostResponse, Fault::Hangs(20), Fault::Status(503)];
    for fault in faults {
        let bucket = Bucket::new().await;
        let environment = bucket.environment();
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let server = start(&folder, &environment).await;
        let pending = pending(&server.base()).await;
        // Each request is tried several times, and some requests fail every time.
        let times = u32::try_from(6 * runs()).unwrap();
        bucket.fail(super::ledgers::INSERT, fault, times);
        let repeated = all_succeed(pending).await;
        println!("{repeated} of {} were answered 503 at first", 2 * runs());
        drop(server);
        bucket.end().await;
    }
}
