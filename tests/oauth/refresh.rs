//! Refresh tokens: rotation, grace, reuse.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mcpo_test_support::{
    client::{TestClient, answer},
    clock::ManualClock,
    faulty_ledger::{FaultyLedger, Shared},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::Value;

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

async fn refreshed(client: &TestClient, token: &str) -> Value {
    let (status, body) = client.refresh(token).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn refused(client: &TestClient, token: &str) {
    let (status, body) = client.refresh(token).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant", "{body}");
}

#[tokio::test]
async fn as14_each_refresh_issues_new_tokens() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let mut tokens = client.tokens().await;
    for _ in 0..5 {
        server.clock.advance(Duration::from_secs(3600));
        let old = tokens["access_token"].as_str().unwrap().to_owned();
        assert_eq!(client.can_call(&old).await, StatusCode::UNAUTHORIZED);
        let next = refreshed(&client, refresh_token(&tokens)).await;
        assert_ne!(next["refresh_token"], tokens["refresh_token"]);
        let access = next["access_token"].as_str().unwrap();
        assert_eq!(client.can_call(access).await, StatusCode::OK);
        tokens = next;
    }
}

#[tokio::test]
async fn as18_refresh_retry_after_a_lost_response_succeeds() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let first = client.tokens().await;
    let _lost = refreshed(&client, refresh_token(&first)).await;
    server.clock.advance(Duration::from_secs(30));
    let retried = refreshed(&client, refresh_token(&first)).await;
    // Much later, the client continues with the tokens from the retry.
    server.clock.advance(Duration::from_secs(4000));
    let later = refreshed(&client, refresh_token(&retried)).await;
    let access = later["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(access).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn as18_concurrent_refreshes_both_return_valid_tokens() {
    for kept in [0, 1] {
        let clock = Arc::<ManualClock>::default();
        let ledger = FaultyLedger::new(clock.clone());
        let shared = Arc::new(Shared(Arc::clone(&ledger)));
        let server =
            TestServer::start_on("127.0.0.1:0", clock, |config| config.with_store(shared)).await;
        let client = TestClient::register(&server.base()).await;
        let first = client.tokens().await;
        let send_refresh = || {
            let request = client.http.post(format!("{}/token", client.base)).form(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh_token(&first)),
                ("client_id", &client.id),
            ]);
            tokio::spawn(answer(request))
        };
        // Both requests have read the current number before either of them can write the next one.
        ledger.hold_writes();
        let before = ledger.writes_held();
        let (one, two) = (send_refresh(), send_refresh());
        let began = Instant::now();
        while ledger.writes_held() < before + 2 {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the requests wait for each other"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ledger.release_writes();
        let answers = [one.await.unwrap(), two.await.unwrap()];
        for (status, body) in &answers {
            assert_eq!(*status, StatusCode::OK, "{body}");
            let access = body["access_token"].as_str().unwrap();
            assert_eq!(client.can_call(access).await, StatusCode::OK);
        }
        server.clock.advance(Duration::from_secs(4000));
        refreshed(&client, refresh_token(&answers[kept].1)).await;
    }
}

#[tokio::test]
async fn as18_refresh_token_reuse_after_the_grace_period_revokes_the_grant() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let first = client.tokens().await;
    let second = refreshed(&client, refresh_token(&first)).await;
    server.clock.advance(Duration::from_secs(46));
    refused(&client, refresh_token(&first)).await;
    refused(&client, refresh_token(&second)).await;
    let access = second["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(access).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn as18_reuse_of_a_token_two_rotations_old_revokes_the_grant() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let first = client.tokens().await;
    let second = refreshed(&client, refresh_token(&first)).await;
    let third = refreshed(&client, refresh_token(&second)).await;
    refused(&client, refresh_token(&first)).await;
    refused(&client, refresh_token(&third)).await;
}

#[tokio::test]
async fn as14_refresh_token_is_client_bound_and_expires_when_unused() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let other = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    refused(&other, refresh_token(&tokens)).await;
    refused(&client, tokens["access_token"].as_str().unwrap()).await;
    server.clock.advance(Duration::from_secs(90 * 24 * 3600));
    refused(&client, refresh_token(&tokens)).await;
}

#[tokio::test]
async fn as14_refresh_cannot_widen_scope_or_resource() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let send_refresh = async |name: &'static str, value: &str| {
        let parameters = [
            ("grant_type", "refresh_token".into()),
            ("refresh_token", refresh_token(&tokens).to_owned()),
            ("client_id", client.id.clone()),
            (name, value.to_owned()),
        ];
        client.token(&parameters).await
    };
    let (_, body) = send_refresh("scope", "admin").await;
    assert_eq!(body["error"], "invalid_scope");
    let (_, body) = send_refresh("resource", "https://other.example").await;
    assert_eq!(body["error"], "invalid_target");
    let (status, _) = send_refresh("scope", "mcp:tools offline_access").await;
    assert_eq!(status, StatusCode::OK);
}
