//! The machine sleeps while a server runs on it; users who were signed in still are.

use std::time::Duration;

use mcpo_test_support::{
    client::TestClient,
    process::{ServerProcess, free_port},
    system_sleep::{ResumeOrder, StoppedProcesses, WallClock},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const SERVER: &str = env!("CARGO_BIN_EXE_sample-server");

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

/// Eight hours are longer than the lifetime of an access token and longer than any grace period.
#[tokio::test]
async fn running_call_and_grant_survive_system_sleep() {
    let (clock, state) = (WallClock::new(), tempfile::tempdir().unwrap());
    let environment = clock.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let server = ServerProcess::start(SERVER, free_port(), state.path(), &environment).await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let access = text(&tokens, "access_token");
    // On a kept-alive connection, as real clients use.
    assert_eq!(client.can_call(access).await, StatusCode::OK);
    let pause = json!({ "milliseconds": 1500 });
    let call = tokio::spawn(client.call(access, "wait", &pause).send());
    tokio::time::sleep(Duration::from_millis(300)).await;

    let stopped_processes = StoppedProcesses::all_of(server.pid());
    clock.sleep_eight_hours();
    tokio::time::sleep(Duration::from_millis(300)).await;
    stopped_processes.resume(ResumeOrder::Parents);

    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.text().await.unwrap().contains("done"));
    assert_eq!(client.can_call(access).await, StatusCode::UNAUTHORIZED);
    let (status, next) = client.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    let call = client.can_call(text(&next, "access_token")).await;
    assert_eq!(call, StatusCode::OK);
    // The grant is still the same: the next refresh continues it.
    let (status, later) = client.refresh(text(&next, "refresh_token")).await;
    assert_eq!(status, StatusCode::OK, "{later}");
    let call = client.can_call(text(&later, "access_token")).await;
    assert_eq!(call, StatusCode::OK);
}
