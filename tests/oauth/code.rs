//! The code exchange.

use std::time::Duration;

use mcpo_test_support::{
    client::{TestClient, answer},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn as14_as19_exchange_returns_short_lived_uncached_tokens() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let request = client
        .http
        .post(format!("{}/token", server.base()))
        .form(&client.exchange(&code));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3600, "AS14: short-lived");
    assert_eq!(body["scope"], "mcp:tools");
    assert!(body["refresh_token"].is_string());
}

#[tokio::test]
async fn as17_mismatched_exchange_is_refused_and_keeps_the_code_valid() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    for (name, value, error) in [
        ("code_verifier", "", "invalid_request"),
        ("code_verifier", "too-short", "invalid_grant"),
        (
            "code_verifier",
            "another-verifier-of-sufficient-length-for-pkce-0123",
            "invalid_grant",
        ),
        (
            "redirect_uri",
            "http://127.0.0.1:2/callback",
            "invalid_grant",
        ),
        ("resource", "https://other.example/mcp", "invalid_target"),
        ("code", "", "invalid_request"),
        ("code", "mcpo_ac_AAAA", "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "", "invalid_request"),
    ] {
        let mut parameters = client.exchange(&code);
        parameters.retain(|(key, _)| *key != name);
        parameters.push((name, value.into()));
        let (status, body) = client.token(&parameters).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}={value}");
        assert_eq!(body["error"], error, "{name}={value}: {body}");
    }
    let (status, _) = client.token(&client.exchange(&code)).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn as17_exchange_succeeds_without_redirect_uri_and_resource() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let mut parameters = client.exchange(&code);
    parameters.retain(|(name, _)| *name != "redirect_uri" && *name != "resource");
    let (status, body) = client.token(&parameters).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn as17_code_expires_after_one_minute() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    server.clock.advance(Duration::from_secs(60));
    let (status, body) = client.token(&client.exchange(&code)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant");
}

#[tokio::test]
async fn as17_code_replay_revokes_the_grant() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(access).await, StatusCode::OK);

    server.clock.advance(Duration::from_secs(46));
    let (status, body) = client.token(&client.exchange(&code)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant");
    assert_eq!(client.can_call(access).await, StatusCode::UNAUTHORIZED);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let (status, body) = client.refresh(refresh).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant");
}

#[tokio::test]
async fn as17_concurrent_exchanges_of_a_code_share_one_grant() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let attempts = (0..8).map(|_| {
        let request = client
            .http
            .post(format!("{}/token", client.base))
            .form(&client.exchange(&code));
        tokio::spawn(answer(request))
    });
    let mut tokens = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        let (status, body) = attempt.await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        tokens.push(body);
    }
    // The client can keep any of the responses, and all of them end together.
    let (status, _) = client
        .refresh(tokens[3]["refresh_token"].as_str().unwrap())
        .await;
    assert_eq!(status, StatusCode::OK);
    for tokens in &tokens {
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(client.can_call(access).await, StatusCode::OK);
    }
    // The tokens were refreshed, so this is another use of the code, not a repetition.
    let (status, body) = client.token(&client.exchange(&code)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant");
    for tokens in &tokens {
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(client.can_call(access).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn as17_code_of_another_client_is_rejected() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let other = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let (status, body) = other.token(&other.exchange(&code)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant");
}

#[tokio::test]
async fn as1_as19_client_secret_is_required_in_the_header_or_the_body() {
    let server = TestServer::start().await;
    for method in ["client_secret_basic", "client_secret_post"] {
        let metadata = json!({
            "redirect_uris": [mcpo_test_support::client::REDIRECT_URI],
            "token_endpoint_auth_method": method,
        });
        let client = TestClient::register_as(&server.base(), &metadata).await;
        let secret = client.secret.clone().unwrap();
        let code = client.code().await;
        let send = |basic: bool, secret: Option<String>| {
            let mut parameters = client.exchange(&code);
            let mut request = client.http.post(format!("{}/token", client.base));
            match (basic, secret) {
                (true, secret) => {
                    parameters.retain(|(name, _)| *name != "client_id");
                    request = request.basic_auth(&client.id, secret);
                }
                (false, Some(secret)) => parameters.push(("client_secret", secret)),
                (false, None) => {}
            }
            answer(request.form(&parameters))
        };
        for (basic, secret) in [
            (true, Some("mcpo_cs_wrong".to_owned())),
            (false, Some("mcpo_cs_wrong".to_owned())),
            (true, None),
            (false, None),
        ] {
            let (status, body) = send(basic, secret).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method}: {body}");
            assert_eq!(body["error"], "invalid_client");
        }
        // Many clients register with one of the two methods and then use the other.
        for basic in [true, false] {
            let (status, body) = send(basic, Some(secret.clone())).await;
            assert_eq!(status, StatusCode::OK, "{method}: {body}");
        }
    }
}

#[tokio::test]
async fn as1_public_client_may_send_an_empty_secret_but_no_other() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let url = format!("{}/token", client.base);
    for (secret, expected) in [("", StatusCode::OK), ("a-secret", StatusCode::UNAUTHORIZED)] {
        let code = client.code().await;
        let request = client.http.post(&url).basic_auth(&client.id, Some(secret));
        let (status, body) = answer(request.form(&client.exchange(&code))).await;
        assert_eq!(status, expected, "{body}");
        let code = client.code().await;
        let mut parameters = client.exchange(&code);
        parameters.push(("client_secret", secret.into()));
        let (status, body) = client.token(&parameters).await;
        assert_eq!(status, expected, "{body}");
    }
}

#[tokio::test]
async fn as17_code_of_another_server_with_the_same_keys_is_refused() {
    let one = TestServer::start().await;
    let other = TestServer::start().await;
    let client = TestClient::register(&one.base()).await;
    let code = client.code().await;
    let tokens = client.tokens().await;
    let client_of_the_other_server = TestClient {
        http: client.http.clone(),
        base: other.base(),
        id: client.id.clone(),
        secret: None,
    };
    let mut exchange = client_of_the_other_server.exchange(&code);
    exchange.retain(|(name, _)| *name != "resource");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    for (status, body) in [
        client_of_the_other_server.token(&exchange).await,
        client_of_the_other_server.refresh(refresh).await,
    ] {
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"], "invalid_grant");
        assert_eq!(body["error_description"], "the grant is for another server");
    }
    // Neither the code nor the refresh token was used up by that.
    let (status, _) = client.token(&client.exchange(&code)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(client.refresh(refresh).await.0, StatusCode::OK);
}

#[tokio::test]
async fn as19_unknown_client_gets_401_invalid_client() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let mut parameters = client.exchange(&code);
    parameters.retain(|(name, _)| *name != "client_id");
    for id in ["", "someone", "mcpo_ci_AAAA"] {
        let mut parameters = parameters.clone();
        parameters.push(("client_id", id.into()));
        let (status, body) = client.token(&parameters).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{id}");
        assert_eq!(body["error"], "invalid_client");
    }
}
