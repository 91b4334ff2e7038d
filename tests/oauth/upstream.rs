//! Tokens of the provider: they are renewed in time and only once, and a sign-in that has ended at
//! the provider ends here.

use std::{sync::Arc, time::Duration};

use mcpo_test_support::{
    caller_tools::CallerTools,
    client::TestClient,
    clock::ManualClock,
    github::{Fault, GitHub},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::github::{GitHubSetup, access, exchange, refresh, start_sign_in};

const TOKEN: &str = "/login/oauth/access_token";
const LIFETIME: Duration = Duration::from_secs(600);
const ALMOST_EXPIRED: Duration = Duration::from_secs(570);

#[tokio::test]
async fn up7_provider_token_is_renewed_once_before_it_expires() {
    let setup = GitHubSetup::new().await;
    setup.github.expire_tokens_after(LIFETIME);
    let tokens = setup.tokens_of("octocat").await;
    assert_eq!(setup.github.calls(TOKEN), 1);
    for renewals in 1..=3 {
        setup.server.clock.advance(ALMOST_EXPIRED);
        let calls = (0..8).map(|_| setup.call(access(&tokens), "read", "/user"));
        for answer in futures_util::future::join_all(calls).await {
            assert_eq!(answer.status(), StatusCode::OK);
            let text = answer.text().await.unwrap();
            assert!(text.contains("octocat in full"), "{text}");
        }
        assert_eq!(setup.github.calls(TOKEN), 1 + renewals);
    }
}

#[tokio::test]
async fn up7_two_instances_renew_the_provider_token_once() {
    let github = Arc::new(GitHub::start().await);
    github.add_account("octocat", 1);
    github.expire_tokens_after(LIFETIME);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    let clock = Arc::<ManualClock>::default();
    let start = async |base: Option<mcpo_runtime::BaseUrl>| {
        let login = github.login().allow_logins(&["octocat"]).unwrap();
        let clock = Arc::clone(&clock);
        TestServer::start_serving(CallerTools, "127.0.0.1:0", clock, |mut config| {
            if let Some(base) = base {
                config = config.with_base_url(base);
            }
            config.with_login(login).with_sqlite(&path)
        })
        .await
    };
    let first = start(None).await;
    let base = mcpo_runtime::BaseUrl::parse(&first.base()).unwrap();
    let second = start(Some(base)).await;
    github.set_callback(&first.base());
    let client = TestClient::register(&first.base()).await;
    let url = github
        .decide(&start_sign_in(&client).await, "octocat")
        .await;
    let answer = client.http.get(url).send().await.unwrap();
    let tokens = exchange(&client, &answer).await;
    for renewals in 1..=6 {
        // Before and after the expiry, so that no call can use the old token.
        clock.advance(if renewals % 2 == 0 {
            LIFETIME
        } else {
            ALMOST_EXPIRED
        });
        let mut calls = JoinSet::new();
        for number in 0..12 {
            let server = if number % 2 == 0 { &first } else { &second };
            let at = format!("http://{}", server.address);
            let host = first.base().replace("http://", "");
            let url = format!("{}/api/v3/user", github.url());
            let mut there = TestClient {
                http: client.http.clone(),
                base: at,
                id: String::new(),
                secret: None,
            };
            there.base = format!("http://{}", server.address);
            let call = there.call(access(&tokens), "read", &json!({ "url": url }));
            let call = call.header("host", host);
            calls.spawn(async move { call.send().await.unwrap().text().await.unwrap() });
        }
        for text in calls.join_all().await {
            assert!(text.contains("octocat in full"), "{text}");
        }
        assert_eq!(github.calls(TOKEN), 1 + renewals);
    }
    assert_eq!(github.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn failed_renewal_is_retried_later() {
    let setup = GitHubSetup::new().await;
    let clock = &setup.server.clock;
    setup.github.expire_tokens_after(LIFETIME);
    let tokens = setup.tokens_of("octocat").await;
    clock.advance(ALMOST_EXPIRED);
    setup.github.fail(TOKEN, Fault::Status(503));
    // The old token is valid for another 30 seconds, so calls succeed and GitHub is not asked
    // again.
    for _ in 0..3 {
        let answer = setup.call(access(&tokens), "read", "/user").await;
        assert!(answer.text().await.unwrap().contains("octocat in full"));
    }
    assert_eq!(setup.github.calls(TOKEN), 2);
    clock.advance(Duration::from_secs(30));
    setup.github.fail(TOKEN, Fault::Status(503));
    let calls = (0..5).map(|_| setup.call(access(&tokens), "read", "/user"));
    for answer in futures_util::future::join_all(calls).await {
        let text = answer.text().await.unwrap();
        assert!(text.contains("does not respond at the moment"), "{text}");
    }
    assert_eq!(
        setup.github.calls(TOKEN),
        3,
        "one failed renewal for all calls"
    );
    clock.advance(Duration::from_secs(5));
    let answer = setup.call(access(&tokens), "read", "/user").await;
    assert!(answer.text().await.unwrap().contains("octocat in full"));
}

#[tokio::test]
async fn client_disconnect_does_not_cancel_the_renewal() {
    let setup = GitHubSetup::new().await;
    setup.github.expire_tokens_after(LIFETIME);
    let tokens = setup.tokens_of("octocat").await;
    setup.server.clock.advance(LIFETIME);
    setup.github.fail(TOKEN, Fault::Delayed(700));
    let call = setup.client.call(access(&tokens), "whoami", &json!({}));
    let hung_up = call.timeout(Duration::from_millis(200)).send().await;
    assert!(hung_up.unwrap_err().is_timeout());
    // The next call waits for the renewal in progress and does not start another one.
    let answer = setup.call(access(&tokens), "read", "/user").await;
    let text = answer.text().await.unwrap();
    assert!(text.contains("octocat in full"), "{text}");
    assert_eq!(setup.github.calls(TOKEN), 2);
}

#[tokio::test]
async fn provider_token_replaced_during_a_call_does_not_end_the_sign_in() {
    let setup = GitHubSetup::new().await;
    setup.github.expire_tokens_after(LIFETIME);
    let tokens = setup.tokens_of("octocat").await;
    let url = format!("{}/api/v3/user", setup.github.url());
    let late = json!({ "url": url, "milliseconds": 600 });
    let late = setup.client.call(access(&tokens), "read", &late).send();
    let renewal = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        setup.server.clock.advance(ALMOST_EXPIRED);
        setup.call(access(&tokens), "read", "/user").await
    };
    // The first call holds a token that the second call has replaced, so GitHub rejects it.
    let (late, renewal) = tokio::join!(late, renewal);
    assert!(renewal.text().await.unwrap().contains("octocat in full"));
    let late = late.unwrap();
    assert_eq!(late.status(), StatusCode::OK);
    assert!(late.text().await.unwrap().contains("try again later"));
    let answer = setup.call(access(&tokens), "read", "/user").await;
    assert!(answer.text().await.unwrap().contains("octocat in full"));
}

#[tokio::test]
async fn completed_call_keeps_its_response_when_the_sign_in_ends() {
    let setup = GitHubSetup::new().await;
    let tokens = setup.tokens_of("octocat").await;
    let hello = json!({ "url": format!("{}/nothing", setup.github.url()), "milliseconds": 500 });
    let slow = setup.client.call(access(&tokens), "read", &hello).send();
    let other = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        setup.github.revoke_everything();
        setup.call(access(&tokens), "read", "/user").await
    };
    let (slow, other) = tokio::join!(slow, other);
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
    // The slow call gets a 404, which says nothing about the token.
    assert_eq!(slow.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn up7_revoked_provider_token_gets_a_401_challenge() {
    let setup = GitHubSetup::new().await;
    let tokens = setup.tokens_of("octocat").await;
    let session = older_session(&setup, access(&tokens)).await;
    setup.github.revoke_everything();
    for answer in [
        setup.call(access(&tokens), "read", "/user").await,
        setup.call(access(&tokens), "whoami", "").await,
        older_call(&setup, access(&tokens), &session).await,
    ] {
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert!(challenge.contains("resource_metadata="), "{challenge}");
    }
    let (status, body) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant");
    // The browser is asked to sign in again, and then calls succeed.
    let tokens = setup.tokens_of("octocat").await;
    let answer = setup.call(access(&tokens), "read", "/user").await;
    assert!(answer.text().await.unwrap().contains("octocat in full"));
}

#[tokio::test]
async fn up7_revoked_provider_token_gets_401_in_an_older_session() {
    let setup = GitHubSetup::new().await;
    let tokens = setup.tokens_of("octocat").await;
    let session = older_session(&setup, access(&tokens)).await;
    let answer = older_call(&setup, access(&tokens), &session).await;
    assert!(answer.text().await.unwrap().contains("octocat in full"));
    setup.github.revoke_everything();
    let answer = older_call(&setup, access(&tokens), &session).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn rejected_provider_refresh_token_ends_the_sign_in() {
    let setup = GitHubSetup::new().await;
    setup.github.expire_tokens_after(LIFETIME);
    let tokens = setup.tokens_of("octocat").await;
    setup.github.revoke_everything();
    setup.server.clock.advance(LIFETIME);
    let answer = setup.call(access(&tokens), "whoami", "").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(setup.github.calls(TOKEN), 2);
    let answer = setup.call(access(&tokens), "whoami", "").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(setup.github.calls(TOKEN), 2, "no second renewal");
}

/// Builds a request of the session-based protocol.
fn older_request(setup: &GitHubSetup, token: &str, body: &Value) -> reqwest::RequestBuilder {
    setup
        .client
        .http
        .post(format!("{}/mcp", setup.client.base))
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .json(body)
}

async fn older_session(setup: &GitHubSetup, token: &str) -> String {
    let hello = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        },
    });
    let answer = older_request(setup, token, &hello).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let session = answer.headers()["mcp-session-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let ready = older_request(setup, token, &ready).header("mcp-session-id", &session);
    assert_eq!(ready.send().await.unwrap().status(), StatusCode::ACCEPTED);
    session
}

async fn older_call(setup: &GitHubSetup, token: &str, session: &str) -> reqwest::Response {
    let url = format!("{}/api/v3/user", setup.github.url());
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "read", "arguments": { "url": url } },
    });
    let call = older_request(setup, token, &call).header("mcp-session-id", session);
    let call = call.header("mcp-protocol-version", "2025-11-25");
    call.send().await.unwrap()
}
