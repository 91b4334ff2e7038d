//! The ledger in a real Redis, and its behavior when Redis fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mcpo_runtime::store::{GrantStore, RedisAddress, RedisStore, Swap};
use mcpo_test_support::{
    client::TestClient,
    clock::ManualClock,
    redis::{RedisServer, Setup},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use crate::ledgers::{assert_ledger_contract, id, record};

/// Clients wait ten seconds for a token, and the bucket ledger needs eight at most.
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(8);

fn address(redis: &RedisServer) -> RedisAddress {
    RedisAddress::parse(&redis.url(), redis.authority().as_deref()).unwrap()
}

/// Creates a ledger with a manual clock that starts at the real time, which Redis uses for expiry.
fn ledger_at(address: RedisAddress) -> (Arc<RedisStore>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::from_now());
    (Arc::new(RedisStore::new(address, clock.clone())), clock)
}

fn error_with_source(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(ToString::to_string);
    format!("{error}: {}", cause.unwrap_or_default())
}

#[tokio::test]
async fn redis_ledger_keeps_the_contract() {
    let redis = RedisServer::start(Setup::default());
    let (ledger, clock) = ledger_at(address(&redis));
    assert_ledger_contract(ledger, &clock).await;
    // Every key expires.
    let keys = redis.command(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 3, "{keys}");
    for key in keys.lines() {
        let left: i64 = redis.command(&["TTL", key]).parse().unwrap();
        assert!((1..=60).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn redis_ledger_keeps_the_contract_with_tls_and_a_password() {
    let redis = RedisServer::start(Setup {
        password: Some("sw0rd/fish"),
        tls: true,
        ..Setup::default()
    });
    let good = redis.url().replace("sw0rd/fish", "sw0rd%2Ffish");
    let authority = redis.authority();
    let parse = |url: &str, authority: Option<&[u8]>| RedisAddress::parse(url, authority).unwrap();
    let (ledger, clock) = ledger_at(parse(&good, authority.as_deref()));
    assert_ledger_contract(ledger, &clock).await;

    let refused = async |address, expected: &str| {
        let (ledger, _) = ledger_at(address);
        let asked = Instant::now();
        let error = error_with_source(&ledger.grant(id(1)).await.unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("fish"), "{error}");
        assert!(asked.elapsed() < MAX_RESPONSE_TIME);
    };
    let wrong = good.replace("sw0rd%2F", "cat-");
    refused(parse(&wrong, authority.as_deref()), "was rejected").await;
    // No public authority signed the certificate, and it is valid for another name.
    refused(parse(&good, None), "UnknownIssuer").await;
    let elsewhere = good.replace("localhost", "127.0.0.1");
    refused(
        parse(&elsewhere, authority.as_deref()),
        "not valid for name",
    )
    .await;
}

#[tokio::test]
async fn redis_cluster_ledger_keeps_the_contract() {
    let setup = Setup {
        cluster: true,
        ..Setup::default()
    };
    let nodes = [RedisServer::start(setup), RedisServer::start(setup)];
    nodes[0].command(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    nodes[1].command(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    nodes[0].join_cluster(&nodes[1]);
    for node in &nodes {
        let began = Instant::now();
        while !node
            .command(&["CLUSTER", "INFO"])
            .contains("cluster_state:ok")
        {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "the cluster is not ready"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let (ledger, clock) = ledger_at(address(&nodes[0]));
    for number in 10..42 {
        let made = ledger.swap_grant(id(number), None, record(&clock, 0)).await;
        assert_eq!(made.unwrap(), Swap::Done);
        assert!(ledger.grant(id(number)).await.unwrap().is_some());
    }
    assert_ledger_contract(ledger, &clock).await;
    for node in &nodes {
        let keys: u32 = node.command(&["DBSIZE"]).parse().unwrap();
        assert!((5..=30).contains(&keys), "both nodes have keys: {keys}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as18_rotations_survive_redis_crashes() {
    let mut redis = RedisServer::start(Setup::default());
    let (ledger, clock) = ledger_at(address(&redis));
    ledger
        .swap_grant(id(1), None, record(&clock, 0))
        .await
        .unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    let until = Instant::now() + Duration::from_secs(4);
    for _ in 0..6 {
        let (ledger, done) = (Arc::clone(&ledger), Arc::clone(&done));
        tasks.spawn(async move {
            while Instant::now() < until {
                let found = ledger.grant(id(1)).await.unwrap().unwrap();
                let mut next = found.record;
                next.generation += 1;
                let swap = ledger.swap_grant(id(1), Some(found.version), next).await;
                if swap.unwrap() == Swap::Done {
                    done.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        tokio::task::block_in_place(|| redis.restart());
    }
    tasks.join_all().await;
    let found = ledger.grant(id(1)).await.unwrap().unwrap();
    // A conflict can hide a write whose response was lost and that was replaced immediately.
    let (counted, done) = (found.record.generation, done.load(Ordering::SeqCst));
    assert!(done > 20, "{done}");
    assert!((done..=done + 18).contains(&counted), "{counted}, {done}");
}

#[tokio::test]
async fn unresponsive_redis_times_out() {
    let redis = RedisServer::start(Setup::default());
    let (ledger, clock) = ledger_at(address(&redis));
    ledger
        .swap_grant(id(1), None, record(&clock, 0))
        .await
        .unwrap();
    redis.pause();
    let asked = Instant::now();
    assert!(ledger.grant(id(1)).await.is_err());
    assert!(asked.elapsed() < MAX_RESPONSE_TIME, "{:?}", asked.elapsed());
    // A shorter pause only delays the call.
    let (again, asked) = (Arc::clone(&ledger), Instant::now());
    let pending = tokio::spawn(async move { again.grant(id(1)).await });
    tokio::time::sleep(Duration::from_millis(2500)).await;
    redis.resume();
    assert!(pending.await.unwrap().unwrap().is_some());
    assert!(asked.elapsed() < MAX_RESPONSE_TIME);
}

/// Forwards everything to Redis, except for the first response to a script, which it drops.
async fn lossy_proxy(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut has_lost = false;
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            let mut asked = vec![0; 65536];
            let mut answered = vec![0; 65536];
            loop {
                tokio::select! {
                    Ok(read) = client.read(&mut asked) => {
                        if read == 0 { break; }
                        server.write_all(&asked[..read]).await.unwrap();
                        let is_script = asked[..read].windows(4).any(|word| word == b"EVAL");
                        if is_script && !has_lost {
                            has_lost = server.read(&mut answered).await.unwrap() > 0;
                            break;
                        }
                    }
                    Ok(read) = server.read(&mut answered) => {
                        if read == 0 { break; }
                        client.write_all(&answered[..read]).await.unwrap();
                    }
                }
            }
        }
    });
    port
}

#[tokio::test]
async fn write_with_a_lost_response_is_recognized() {
    let redis = RedisServer::start(Setup::default());
    let port = lossy_proxy(redis.port()).await;
    let url = format!("redis://localhost:{port}");
    let (ledger, clock) = ledger_at(RedisAddress::parse(&url, None).unwrap());
    let made = ledger.swap_grant(id(1), None, record(&clock, 0)).await;
    assert_eq!(made.unwrap(), Swap::Done);
    assert_eq!(redis.calls("eval"), 2);
}

#[tokio::test]
async fn endless_redis_response_is_aborted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                // Answers the first command with a response that never ends.
                let mut ignored = [0; 4096];
                let _ = client.read(&mut ignored).await;
                let _ = client.write_all(b"$99999999999\r\n").await;
                let chunk = vec![b'x'; 65536];
                while client.write_all(&chunk).await.is_ok() {
                    counted.fetch_add(chunk.len() as u64, Ordering::SeqCst);
                }
            });
        }
    });
    let url = format!("redis://localhost:{port}");
    let (ledger, _) = ledger_at(RedisAddress::parse(&url, None).unwrap());
    let asked = Instant::now();
    assert!(ledger.grant(id(1)).await.is_err());
    assert!(asked.elapsed() < MAX_RESPONSE_TIME);
    let megabytes = sent.load(Ordering::SeqCst) >> 20;
    assert!(megabytes < 200, "{megabytes} MB were accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_as18_rs3_redis_outage_stops_token_requests_but_not_calls() {
    let mut redis = RedisServer::start(Setup::default());
    let server = server_with(&redis).await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(client.can_call(access).await, StatusCode::OK);
    let code = client.code().await;

    redis.kill();
    let asked = Instant::now();
    let exchange = client.exchange(&code);
    let (code_answer, refresh_answer) =
        tokio::join!(client.token(&exchange), client.refresh(refresh));
    assert!(asked.elapsed() < MAX_RESPONSE_TIME, "{:?}", asked.elapsed());
    for (status, body) in [code_answer, refresh_answer] {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["error"], "temporarily_unavailable");
    }
    // The cached state of the grant is now too old, and the ledger is unreachable.
    server.clock.advance(Duration::from_secs(61));
    let asked = Instant::now();
    for _ in 0..20 {
        assert_eq!(client.can_call(access).await, StatusCode::OK);
    }
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "only the first call waits: {:?}",
        asked.elapsed()
    );

    redis.restart();
    let (status, body) = client.refresh(refresh).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let code = client.code().await;
    let (status, body) = client.token(&client.exchange(&code)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

async fn server_with(redis: &RedisServer) -> TestServer {
    let clock = Arc::new(ManualClock::from_now());
    let address = address(redis);
    TestServer::start_on("127.0.0.1:0", clock, |config| config.with_redis(address)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_code_stays_valid_during_a_redis_outage() {
    let mut redis = RedisServer::start(Setup::default());
    let server = server_with(&redis).await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    redis.kill();
    let exchange = client.exchange(&code);
    let (status, _) = client.token(&exchange).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    redis.restart();
    let (status, body) = client.token(&exchange).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    server.clock.advance(Duration::from_secs(46));
    let (status, _) = client.token(&exchange).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "the code is used up now");
}

#[tokio::test(flavor = "multi_thread")]
async fn grant_is_looked_up_once_per_minute() {
    let redis = RedisServer::start(Setup::default());
    let server = server_with(&redis).await;
    let client = Arc::new(TestClient::register(&server.base()).await);
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    let lookups = async |calls: u32| {
        let before = redis.calls("get");
        let mut tasks = JoinSet::new();
        for _ in 0..calls {
            let call = client.call(&access, "add", &json!({ "a": 1, "b": 2 }));
            tasks.spawn(async move { call.send().await.unwrap().status() });
        }
        for status in tasks.join_all().await {
            assert_eq!(status, StatusCode::OK);
        }
        redis.calls("get") - before
    };
    // The exchange of the code has just confirmed the grant.
    assert_eq!(lookups(50).await, 0);
    server.clock.advance(Duration::from_secs(61));
    assert_eq!(lookups(50).await, 1);
    server.clock.advance(Duration::from_secs(59));
    assert_eq!(lookups(50).await, 0);
    server.clock.advance(Duration::from_secs(2));
    assert_eq!(lookups(50).await, 1);
}

/// A pause shorter than the waiting time of a call must not accept a grant that another instance
/// revoked.
#[tokio::test(flavor = "multi_thread")]
async fn as20_short_redis_pause_accepts_no_revoked_token() {
    const GRANTS: usize = 20;
    let redis = RedisServer::start(Setup::default());
    let (server, other) = (server_with(&redis).await, server_with(&redis).await);
    let client = Arc::new(TestClient::register(&server.base()).await);
    let mut revoked = Vec::new();
    for _ in 0..GRANTS {
        let tokens = client.tokens().await;
        let access = tokens["access_token"].as_str().unwrap().to_owned();
        assert_eq!(client.can_call(&access).await, StatusCode::OK);
        let request = client.http.post(format!("{}/revoke", other.base()));
        let request = request.form(&[("token", &access), ("client_id", &client.id)]);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        revoked.push(access);
    }
    server.clock.advance(Duration::from_secs(61));
    for _ in 0..2 {
        redis.command(&["CLIENT", "PAUSE", "2500", "ALL"]);
        let mut calls = JoinSet::new();
        for access in revoked.clone() {
            let client = Arc::clone(&client);
            calls.spawn(async move { client.can_call(&access).await });
        }
        let statuses = calls.join_all().await;
        assert_eq!(statuses, [StatusCode::UNAUTHORIZED; GRANTS]);
    }
}
