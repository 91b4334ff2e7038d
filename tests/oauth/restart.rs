//! Everything that clients hold survives a restart.

use std::sync::Arc;

use mcpo_test_support::{client::TestClient, clock::ManualClock, server::TestServer};
use reqwest::StatusCode;

#[tokio::test]
async fn as15_codes_and_tokens_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/ledger.sqlite3");
    let clock = Arc::<ManualClock>::default();
    let server = TestServer::start_on("127.0.0.1:0", Arc::clone(&clock), |config| {
        config.with_sqlite(&file)
    })
    .await;
    let address = server.address.to_string();
    let client = TestClient::register(&server.base()).await;
    let pending = client.code().await;
    let tokens = client.tokens().await;
    server.stop().await;

    let server = TestServer::start_on(&address, clock, |config| config.with_sqlite(&file)).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(access).await, StatusCode::OK);
    let (status, body) = client
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    // A flow that was in progress continues with its client id and code.
    let (status, body) = client.token(&client.exchange(&pending)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    server.stop().await;
    // The file contains no token.
    let bytes = std::fs::read(&file).unwrap();
    for secret in [access, tokens["refresh_token"].as_str().unwrap(), &pending] {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found);
    }
}

#[tokio::test]
async fn as18_revocation_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.sqlite3");
    let clock = Arc::<ManualClock>::default();
    let server = TestServer::start_on("127.0.0.1:0", Arc::clone(&clock), |config| {
        config.with_sqlite(&file)
    })
    .await;
    let address = server.address.to_string();
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    // Late enough that the exchange is a replay, not a repetition.
    clock.advance(std::time::Duration::from_secs(46));
    client.token(&client.exchange(&code)).await;
    server.stop().await;

    let server = TestServer::start_on(&address, clock, |config| config.with_sqlite(&file)).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(access).await, StatusCode::UNAUTHORIZED);
    let (status, _) = client
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    drop(server);
}

#[tokio::test]
async fn as15_ledger_file_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/ledger.sqlite3");
    let server = TestServer::start_with(|config| config.with_sqlite(&file)).await;
    TestClient::register(&server.base()).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(file.parent().unwrap()) & 0o077, 0);
    assert_eq!(mode(&file) & 0o077, 0);
    drop(server);
}

#[tokio::test]
async fn changed_password_ends_existing_grants() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.sqlite3");
    let clock = Arc::<ManualClock>::default();
    let start = async |address: &str, password: &str| {
        TestServer::start_on(address, Arc::clone(&clock), |config| {
            config.with_sqlite(&file).with_password(password)
        })
        .await
    };
    let server = start("127.0.0.1:0", "leaked").await;
    let address = server.address.to_string();
    let client = TestClient::register(&server.base()).await;
    let url = client
        .sign_in_and_allow(&client.request(), Some("leaked"))
        .await;
    let code = mcpo_test_support::client::query_of(&url, "code").unwrap();
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(access).await, StatusCode::OK);
    server.stop().await;

    let _server = start(&address, "another one").await;
    assert_eq!(client.can_call(access).await, StatusCode::UNAUTHORIZED);
    let (status, _) = client
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
