//! Faults of GitHub: the sign-in fails, and the user sees an explanation.

use std::time::{Duration, Instant};

use mcpo_test_support::{client::query_of, github::Fault};
use reqwest::StatusCode;
use serde_json::json;

use super::github::{GitHubSetup, access, refresh};

const TOKEN: &str = "/login/oauth/access_token";
const USER: &str = "/api/v3/user";

#[tokio::test]
async fn invalid_github_responses_fail_the_sign_in() {
    let setup = GitHubSetup::new().await;
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    let unexpected = StatusCode::BAD_GATEWAY;
    for (path, fault, status) in [
        (TOKEN, Fault::Status(500), unavailable),
        (TOKEN, Fault::Status(429), unavailable),
        (TOKEN, Fault::Status(302), unexpected),
        (TOKEN, Fault::Status(404), unexpected),
        (TOKEN, Fault::OversizedBody, unexpected),
        (TOKEN, Fault::Text("access_token=a"), unexpected),
        (TOKEN, Fault::Text("{}"), unexpected),
        (TOKEN, Fault::Text(r#"{"access_token":"a"}"#), unexpected),
        (
            TOKEN,
            Fault::Text(r#"{"access_token":"","token_type":"bearer"}"#),
            unexpected,
        ),
        (
            TOKEN,
            Fault::Text(r#"{"access_token":"a\r\nb","token_type":"bearer"}"#),
            unexpected,
        ),
        (
            TOKEN,
            Fault::Text(r#"{"access_token":"a","token_type":"mac"}"#),
            unexpected,
        ),
        (
            TOKEN,
            Fault::Text(r#"{"error":"bad_verification_code"}"#),
            unexpected,
        ),
        (
            TOKEN,
            Fault::Text(r#"{"error":"incorrect_client_credentials"}"#),
            unexpected,
        ),
        (
            TOKEN,
            Fault::Text(r#"{"error":"something new"}"#),
            unexpected,
        ),
        (USER, Fault::Status(401), unexpected),
        (USER, Fault::Status(503), unavailable),
        (USER, Fault::RateLimit, unavailable),
        (USER, Fault::OversizedBody, unexpected),
        (USER, Fault::Text(r#"{"login":"octocat"}"#), unexpected),
        (
            USER,
            Fault::Text(r#"{"login":"octocat","id":"583231"}"#),
            unexpected,
        ),
        (USER, Fault::Text(r#"{"login":"","id":583231}"#), unexpected),
        (USER, Fault::Text("[]"), unexpected),
    ] {
        setup.github.fail(path, fault);
        let answer = setup.sign_in_as("octocat").await;
        assert_eq!(answer.status(), status, "{path} {fault:?}");
        assert!(answer.headers().get("set-cookie").is_none(), "{fault:?}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("You are not signed in"), "{page}");
        assert!(page.contains("Start again"), "{page}");
    }
    setup.tokens_of("octocat").await;
}

#[tokio::test]
async fn unresponsive_github_causes_503_after_a_timeout() {
    let setup = GitHubSetup::new().await;
    setup.github.fail(TOKEN, Fault::NoResponse);
    let asked = Instant::now();
    let answer = setup.sign_in_as("octocat").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(asked.elapsed() < Duration::from_secs(9));
}

#[tokio::test]
async fn unexpected_github_callback_gets_502() {
    let setup = GitHubSetup::new().await;
    let there = setup.start_sign_in().await;
    let state = query_of(&there, "state").unwrap();
    let callback = format!("{}/auth/github/callback", setup.client.base);
    let url = format!("{callback}?error=application_suspended&state={state}");
    let answer = setup.client.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let state = query_of(&setup.start_sign_in().await, "state").unwrap();
    let url = format!("{callback}?state={state}");
    let answer = setup.client.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "no code");
}

#[tokio::test]
async fn up6_github_outage_ends_no_grants() {
    let setup = GitHubSetup::new().await;
    let tokens = setup.tokens_of("octocat").await;
    for fault in [
        Fault::Status(500),
        Fault::RateLimit,
        Fault::Text("nonsense"),
    ] {
        setup.github.fail(USER, fault);
        let (status, body) = setup.client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?} {body}");
        assert_eq!(body["error"], "temporarily_unavailable");
    }
    let call = setup.client.call(access(&tokens), "whoami", &json!({}));
    assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    let (status, _) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK, "the refresh token was not spent");
}
