//! The behavior of servers while their ledger fails: revoked grants stay revoked, unknown states
//! are not guessed, and a request that was answered with 503 succeeds when it is repeated.

use std::{sync::Arc, time::Duration};

use mcpo_test_support::{
    client::{REDIRECT_URI, TestClient, answer},
    clock::ManualClock,
    faulty_ledger::{FaultyLedger, Shared},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

/// Clients time out after ten seconds.
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(9);

/// Two servers with one ledger. They are two services with the same secret, so each has separate
/// grants, and each can revoke the grants of the other.
struct Pair {
    ledger: Arc<FaultyLedger>,
    clock: Arc<ManualClock>,
    one: TestServer,
    other: TestServer,
}

impl Pair {
    async fn start() -> Self {
        let clock = Arc::<ManualClock>::default();
        let ledger = FaultyLedger::new(clock.clone());
        let (one, other) = (server(&ledger, &clock).await, server(&ledger, &clock).await);
        // Each server looks up the known keys in the ledger once.
        let began = Instant::now();
        while ledger.reads() < 2 {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the servers did not read the ledger"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self {
            ledger,
            clock,
            one,
            other,
        }
    }

    /// Registers a client at the first server.
    async fn client(&self) -> TestClient {
        TestClient::register(&self.one.base()).await
    }

    /// Revokes the grant as another instance would, so that only the ledger has the information.
    async fn revoke_elsewhere(&self, client: &TestClient, tokens: &Value) {
        let status = revoke(&self.other.base(), client, access(tokens)).await;
        assert_eq!(status, StatusCode::OK);
    }
}

async fn server(ledger: &Arc<FaultyLedger>, clock: &Arc<ManualClock>) -> TestServer {
    let ledger = Arc::new(Shared(Arc::clone(ledger)));
    TestServer::start_on("127.0.0.1:0", Arc::clone(clock), |config| {
        config.with_store(ledger)
    })
    .await
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

fn refresh(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

async fn revoke(base: &str, client: &TestClient, token: &str) -> StatusCode {
    let request = client.http.post(format!("{base}/revoke"));
    let request = request.form(&[("token", token), ("client_id", &client.id)]);
    request.send().await.unwrap().status()
}

/// The ways in which a ledger can fail.
const FAULTS: [fn(&FaultyLedger, bool); 2] = [FaultyLedger::set_failing, FaultyLedger::set_paused];

#[tokio::test]
async fn as20_revoked_grant_stays_revoked_during_ledger_faults() {
    let pair = Pair::start().await;
    let client = pair.client().await;
    let here = client.tokens().await;
    let elsewhere = client.tokens().await;
    assert_eq!(
        revoke(&client.base, &client, access(&here)).await,
        StatusCode::OK
    );
    pair.revoke_elsewhere(&client, &elsewhere).await;
    pair.clock.advance(Duration::from_secs(61));
    let both_refused = async || {
        for tokens in [&here, &elsewhere] {
            let status = client.can_call(access(tokens)).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
        }
    };
    both_refused().await;
    for fault in FAULTS {
        fault(&pair.ledger, true);
        both_refused().await;
        pair.clock.advance(Duration::from_secs(61));
        both_refused().await;
        fault(&pair.ledger, false);
    }
    pair.ledger.forget_revocations().await;
    pair.clock.advance(Duration::from_secs(61));
    both_refused().await;
}

/// No token that was revoked a minute ago is accepted, however many reads are slow.
#[tokio::test(flavor = "multi_thread")]
async fn as20_slow_ledger_reads_accept_no_revoked_token() {
    const GRANTS: usize = 100;
    let calls = std::env::var("MCPO_TEST_CALLS_PER_GRANT");
    let calls_per_grant = calls.map_or(10, |calls| calls.parse().unwrap());
    let pair = Pair::start().await;
    let client = Arc::new(pair.client().await);
    let mut revoked = Vec::new();
    for _ in 0..GRANTS {
        let tokens = client.tokens().await;
        assert_eq!(client.can_call(access(&tokens)).await, StatusCode::OK);
        revoked.push(tokens);
    }
    let live = client.tokens().await;
    for tokens in &revoked {
        pair.revoke_elsewhere(&client, tokens).await;
    }
    pair.clock.advance(Duration::from_secs(61));
    pair.ledger.set_slow_read(20);
    // The number of connections that the server answers in time on a busy machine.
    let connections = Arc::new(Semaphore::new(100));
    let mut calls = JoinSet::new();
    for _ in 0..calls_per_grant {
        for tokens in &revoked {
            let (client, token) = (Arc::clone(&client), access(tokens).to_owned());
            let connections = Arc::clone(&connections);
            calls.spawn(async move {
                let _connection = connections.acquire().await.unwrap();
                client.can_call(&token).await
            });
        }
    }
    let statuses = calls.join_all().await;
    let accepted = statuses.iter().filter(|status| status.is_success()).count();
    println!("{accepted} of {} calls were accepted", statuses.len());
    assert_eq!(accepted, 0, "of {} calls", statuses.len());
    // A slow read affects only its own grant: this grant is looked up like the others.
    let before = pair.ledger.reads();
    assert_eq!(client.can_call(access(&live)).await, StatusCode::OK);
    assert_eq!(pair.ledger.reads(), before + 1);
}

#[tokio::test]
async fn rs3_paused_ledger_accepts_no_revoked_token() {
    let pair = Pair::start().await;
    let client = pair.client().await;
    let tokens = client.tokens().await;
    pair.revoke_elsewhere(&client, &tokens).await;
    pair.clock.advance(Duration::from_secs(61));
    pair.ledger.set_paused(true);
    let resume = async {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        pair.ledger.set_paused(false);
    };
    let (status, ()) = tokio::join!(client.can_call(access(&tokens)), resume);
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn rs3_confirmed_grant_is_accepted_for_ten_minutes_without_the_ledger() {
    let pair = Pair::start().await;
    let client = pair.client().await;
    let tokens = client.tokens().await;
    assert_eq!(client.can_call(access(&tokens)).await, StatusCode::OK);
    pair.clock.advance(Duration::from_secs(61));
    pair.ledger.set_failing(true);
    assert_eq!(client.can_call(access(&tokens)).await, StatusCode::OK);
    pair.clock.advance(Duration::from_secs(9 * 60 - 2));
    assert_eq!(client.can_call(access(&tokens)).await, StatusCode::OK);
    pair.clock.advance(Duration::from_secs(2));
    let call = client.call(access(&tokens), "add", &json!({ "a": 1, "b": 2 }));
    let refused = call.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    pair.ledger.set_failing(false);
    // Calls do not wait during an outage, so one of the next calls detects that the outage is over.
    let began = Instant::now();
    while client.can_call(access(&tokens)).await != StatusCode::OK {
        assert!(began.elapsed() < Duration::from_secs(30), "still refused");
        pair.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An instance that never looked up a grant does not accept it.
#[tokio::test]
async fn rs3_unconfirmed_grant_gets_503_without_the_ledger() {
    let pair = Pair::start().await;
    let client = pair.client().await;
    let tokens = client.tokens().await;
    let address = pair.one.address.to_string();
    pair.one.stop().await;
    let ledger = Arc::new(Shared(Arc::clone(&pair.ledger)));
    let restarted = TestServer::start_on(&address, Arc::clone(&pair.clock), |config| {
        config.with_store(ledger)
    })
    .await;
    pair.ledger.set_failing(true);
    let status = client.can_call(access(&tokens)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    drop(restarted);
}

#[tokio::test]
async fn as20_introspection_gets_503_without_the_ledger() {
    let pair = Pair::start().await;
    let metadata = json!({ "redirect_uris": [REDIRECT_URI] });
    let client = TestClient::register_as(&pair.one.base(), &metadata).await;
    let code = client.code().await;
    let send = async |path: &str, parameters: &[(&str, String)]| {
        let request = client.http.post(format!("{}{path}", client.base));
        let request = request.basic_auth(&client.id, client.secret.as_ref());
        answer(request.form(parameters)).await
    };
    let (_, tokens) = send("/token", &client.exchange(&code)).await;
    pair.clock.advance(Duration::from_secs(61));
    for fault in FAULTS {
        fault(&pair.ledger, true);
        for token in [access(&tokens), refresh(&tokens)] {
            let asked = Instant::now();
            let (status, body) = send("/introspect", &[("token", token.into())]).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
            assert_eq!(body["error"], "temporarily_unavailable");
            assert!(asked.elapsed() < MAX_RESPONSE_TIME);
        }
        fault(&pair.ledger, false);
        pair.clock.advance(Duration::from_secs(61));
    }
    let (status, body) = send("/introspect", &[("token", access(&tokens).into())]).await;
    assert_eq!((status, &body["active"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn as20_revocation_is_seen_after_the_clock_is_set_back() {
    let pair = Pair::start().await;
    let client = pair.client().await;
    let tokens = client.tokens().await;
    assert_eq!(client.can_call(access(&tokens)).await, StatusCode::OK);
    pair.revoke_elsewhere(&client, &tokens).await;
    pair.clock.set_back(Duration::from_secs(600));
    pair.clock.advance(Duration::from_secs(61));
    let status = client.can_call(access(&tokens)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

/// The ways in which the response of a write can be late or lost.
const WRITE_FAULTS: [fn(&FaultyLedger, bool); 3] = [
    FaultyLedger::set_failing,
    FaultyLedger::set_losing_responses,
    FaultyLedger::set_paused,
];

#[tokio::test(flavor = "multi_thread")]
async fn as17_exchange_retry_succeeds_after_503() {
    for fault in WRITE_FAULTS {
        let pair = Pair::start().await;
        let client = pair.client().await;
        let code = client.code().await;
        fault(&pair.ledger, true);
        let asked = Instant::now();
        let (status, body) = client.token(&client.exchange(&code)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        assert!(asked.elapsed() < MAX_RESPONSE_TIME, "{:?}", asked.elapsed());
        fault(&pair.ledger, false);
        let (status, tokens) = client.token(&client.exchange(&code)).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        assert_eq!(client.can_call(access(&tokens)).await, StatusCode::OK);
        let (status, next) = client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK, "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as18_refresh_retry_succeeds_after_503() {
    for fault in WRITE_FAULTS {
        let pair = Pair::start().await;
        let client = pair.client().await;
        let tokens = client.tokens().await;
        fault(&pair.ledger, true);
        let asked = Instant::now();
        let (status, body) = client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        assert!(asked.elapsed() < MAX_RESPONSE_TIME, "{:?}", asked.elapsed());
        fault(&pair.ledger, false);
        let (status, next) = client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK, "{next}");
        let (status, next) = client.refresh(refresh(&next)).await;
        assert_eq!(status, StatusCode::OK, "{next}");
        assert_eq!(client.can_call(access(&next)).await, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as20_revocation_retry_succeeds_after_503() {
    for fault in WRITE_FAULTS {
        let pair = Pair::start().await;
        let client = pair.client().await;
        let tokens = client.tokens().await;
        fault(&pair.ledger, true);
        let asked = Instant::now();
        let status = revoke(&client.base, &client, refresh(&tokens)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(asked.elapsed() < MAX_RESPONSE_TIME, "{:?}", asked.elapsed());
        fault(&pair.ledger, false);
        let status = revoke(&client.base, &client, refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK);
        let status = client.can_call(access(&tokens)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn ledger_is_read_once_per_refresh_and_once_per_minute() {
    let pair = Pair::start().await;
    let client = pair.client().await;
    let reads = pair.ledger.reads();
    let tokens = client.tokens().await;
    assert_eq!(client.can_call(access(&tokens)).await, StatusCode::OK);
    assert_eq!(pair.ledger.reads() - reads, 0);
    let (_, next) = client.refresh(refresh(&tokens)).await;
    assert_eq!(client.can_call(access(&next)).await, StatusCode::OK);
    assert_eq!(pair.ledger.reads() - reads, 1);
    pair.clock.advance(Duration::from_secs(61));
    for _ in 0..3 {
        assert_eq!(client.can_call(access(&next)).await, StatusCode::OK);
    }
    assert_eq!(pair.ledger.reads() - reads, 2);
}
