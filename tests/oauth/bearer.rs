//! Authentication of requests to `/mcp`.

use std::time::Duration;

use mcpo_runtime::KeyRing;
use mcpo_test_support::{
    client::{TestClient, browser},
    server::TestServer,
};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

fn challenge(response: &Response) -> &str {
    response.headers()["www-authenticate"].to_str().unwrap()
}

#[tokio::test]
async fn rs2_rs7_challenge_names_resource_metadata_and_scope() {
    let server = TestServer::start().await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let request = browser().request(method, format!("{}/mcp", server.base()));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            challenge(&response),
            format!(
                "Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", \
                 scope=\"mcp:tools\"",
                server.base()
            ),
            "RS2: no error without a token; RS7: no offline_access"
        );
    }
}

#[tokio::test]
async fn rs2_rs3_rs6_invalid_or_expired_token_gets_401_invalid_token() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    // The last character may carry no information, so change one in the middle.
    let (head, tail) = access.split_at(access.len() / 2);
    let other = if tail.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{head}{other}{}", &tail[1..]);
    let elsewhere = TestServer::start_with(|mut config| {
        config = config.with_keys(KeyRing::random().unwrap());
        config
    })
    .await;
    let other_client = TestClient::register(&elsewhere.base()).await;
    let foreign = other_client.tokens().await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    for token in [
        "nonsense",
        &tampered,
        &foreign,
        tokens["refresh_token"].as_str().unwrap(),
    ] {
        let response = client.call(token, "add", &json!({})).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{token}");
        let challenge = challenge(&response);
        assert!(
            challenge.starts_with("Bearer error=\"invalid_token\","),
            "{challenge}"
        );
        assert!(challenge.contains("resource_metadata="), "{challenge}");
    }
    assert_eq!(client.can_call(access).await, StatusCode::OK);
    server.clock.advance(Duration::from_secs(3600));
    assert_eq!(client.can_call(access).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn rs6_a_token_for_another_resource_is_refused() {
    // Both servers have the same keys, as two services of one owner; only the audience differs.
    let one = TestServer::start().await;
    let two = TestServer::start().await;
    let client = TestClient::register(&one.base()).await;
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let other = TestClient::register(&two.base()).await;
    assert_eq!(other.can_call(access).await, StatusCode::UNAUTHORIZED);
    assert_eq!(client.can_call(access).await, StatusCode::OK);
}

#[tokio::test]
async fn rs3_rs6_malformed_header_or_token_in_the_query_gets_400() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let url = format!("{}/mcp", server.base());
    for request in [
        browser().post(format!("{url}?access_token={access}")),
        browser().post(&url).header("authorization", "Bearer"),
        browser().post(&url).header("authorization", "Bearer a b"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(challenge(&response).contains("error=\"invalid_request\""));
    }
}

#[tokio::test]
async fn rs8_foreign_host_or_origin_gets_403_before_authentication() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let send = async |name: &str, value: &str| {
        let request = client.call(access, "add", &json!({ "a": 1, "b": 2 }));
        request.header(name, value).send().await.unwrap().status()
    };
    for (name, value, expected) in [
        ("origin", "https://evil.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        (
            "origin",
            "http://localhost.evil.example",
            StatusCode::FORBIDDEN,
        ),
        ("origin", "https://claude.ai", StatusCode::OK),
        ("origin", "http://localhost:6274", StatusCode::OK),
        ("origin", &server.base(), StatusCode::OK),
    ] {
        assert_eq!(send(name, value).await, expected, "{name}: {value}");
    }
    let url = format!("{}/mcp", server.base());
    for method in [Method::POST, Method::GET, Method::OPTIONS] {
        for origin in [None, Some("https://claude.ai")] {
            let mut request = browser().request(method.clone(), &url);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let response = request.header("host", "evil.example").send().await.unwrap();
            let status = response.status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} from {origin:?}");
        }
    }
}

#[tokio::test]
async fn rs8_host_of_the_base_url_is_allowed_by_default() {
    let base = mcpo_runtime::BaseUrl::parse("https://a.example").unwrap();
    let server = TestServer::start_with(|config| config.with_base_url(base).open_to_anyone()).await;
    let url = format!("http://{}/mcp", server.address);
    let request = browser().post(url).header("host", "a.example");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(challenge(&response).contains("https://a.example/.well-known/"));
}

#[tokio::test]
async fn rs9_cors_allows_browser_clients_to_send_and_read_headers() {
    let server = TestServer::start().await;
    let origin = "http://localhost:6274";
    for path in ["/register", "/token", "/revoke", "/introspect", "/mcp"] {
        let url = format!("{}{path}", server.base());
        let preflight = browser()
            .request(Method::OPTIONS, &url)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,mcp-protocol-version,mcp-session-id",
            );
        let response = preflight.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_lowercase();
        assert_eq!(header("access-control-allow-origin"), "*");
        assert!(header("access-control-allow-methods").contains("post"));
        let allowed = header("access-control-allow-headers");
        for name in ["authorization", "mcp-session-id"] {
            assert!(allowed.contains(name), "{allowed}");
        }
    }
    let request = browser().post(format!("{}/mcp", server.base()));
    let response = request.header("origin", origin).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let exposed = response.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap();
    for name in ["www-authenticate", "mcp-session-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }
}
