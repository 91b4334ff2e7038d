//! The code exchange.

use std::time::Duration;

use mcpo_test_support::{
    client::{TestClient, answer},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn as14_as19_an_exchange_gives_tokens_that_nobody_caches() {
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
async fn as17_whatever_does_not_fit_the_code_is_refused_and_spends_nothing() {
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
async fn as17_the_redirect_uri_may_be_left_out_as_oauth_2_1_has_it() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let mut parameters = client.exchange(&code);
    parameters.retain(|(name, _)| *name != "redirect_uri" && *name != "resource");
    let (status, body) = client.token(&parameters).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn as17_a_code_lives_a_minute() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let code = client.code().await;
    server.clock.advance(Duration::from_secs(60));
    let (status, body) = client.token(&client.exchange(&code)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant");
}

#[tokio::test]
async fn as17_a_replayed_code_revokes_what_it_gave() {
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
async fn as17_an_exchange_that_is_repeated_at_once_gives_one_grant() {
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
async fn as17_a_code_is_its_clients() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let other = TestClient::register(&server.base()).await;
    let code = client.code().await;
    let (status, body) = other.token(&other.exchange(&code)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_grant");
}

#[tokio::test]
async fn as1_as19_each_way_of_proving_who_one_is() {
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
async fn as1_a_public_client_may_send_an_empty_secret() {
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
async fn as17_a_code_of_another_service_with_the_same_secret_is_refused() {
    let one = TestServer::start().await;
    let other = TestServer::start().await;
    let client = TestClient::register(&one.base()).await;
    let code = client.code().await;
    let tokens = client.tokens().await;
    let at_the_other = TestClient {
        http: client.http.clone(),
        base: other.base(),
        id: client.id.clone(),
        secret: None,
    };
    let mut exchange = at_the_other.exchange(&code);
    exchange.retain(|(name, _)| *name != "resource");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    for (status, body) in [
        at_the_other.token(&exchange).await,
        at_the_other.refresh(refresh).await,
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
async fn as19_an_unknown_client_is_401() {
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
