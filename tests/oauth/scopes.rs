//! Tools that need more than a token, and a list that needs none.

use mcpo_test_support::{
    client::{TestClient, answer, browser, query_of},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::json;

async fn token_for(client: &TestClient, scope: &str) -> String {
    let mut request = client.request();
    request.retain(|(name, _)| *name != "scope");
    request.push(("scope", scope.to_owned()));
    let url = client.sign_in_and_allow(&request, None).await;
    let code = query_of(&url, "code").unwrap();
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rs3_rs4_a_call_without_its_scopes_is_a_real_403_that_names_them_all() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let token = token_for(&client, "mcp:tools").await;
    assert_eq!(client.can_call(&token).await, StatusCode::OK);
    let call = client.call(&token, "write_note", &json!({}));
    let response = call.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert_eq!(
        challenge,
        format!(
            "Bearer error=\"insufficient_scope\", \
             error_description=\"the token is good for less than this\", \
             resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", \
             scope=\"mcp:tools notes:write\"",
            server.base()
        )
    );
    // The client asks again with what the challenge names.
    let token = token_for(&client, "mcp:tools notes:write").await;
    let call = client.call(&token, "write_note", &json!({}));
    let text = call.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("written"), "{text}");
}

#[tokio::test]
async fn rs4_the_body_counts_and_not_a_header() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let token = token_for(&client, "mcp:tools").await;
    let call = client.call(&token, "write_note", &json!({}));
    let response = call.header("mcp-name", "add").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn rs5_a_wider_scope_will_do() {
    for implied_by_name in [true, false] {
        let server = TestServer::start_with(|config| {
            config
                .with_implied_scopes("notes", &[])
                .with_implied_scopes("owner", &["notes"])
        })
        .await;
        let client = TestClient::register(&server.base()).await;
        let wide = if implied_by_name { "notes" } else { "owner" };
        let token = token_for(&client, wide).await;
        let call = client.call(&token, "write_note", &json!({}));
        assert_eq!(
            call.send().await.unwrap().status(),
            StatusCode::OK,
            "{wide}"
        );
    }
}

#[tokio::test]
async fn rs2_listing_needs_a_token_unless_it_is_open() {
    for (open, listed) in [(false, StatusCode::UNAUTHORIZED), (true, StatusCode::OK)] {
        let server = TestServer::start_with(|config| config.with_open_listing(open)).await;
        let ask = |method: &'static str, name: &'static str| {
            let mut params = json!({ "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            }});
            if !name.is_empty() {
                params["name"] = name.into();
                params["arguments"] = json!({});
            }
            let request = browser()
                .post(format!("{}/mcp", server.base()))
                .header("accept", "application/json, text/event-stream")
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", method)
                .header("mcp-name", name)
                .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
            answer(request)
        };
        let (status, body) = ask("tools/list", "").await;
        assert_eq!(status, listed, "{body}");
        let (status, _) = ask("tools/call", "whoami").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn as13_a_flood_of_registrations_is_slowed_down() {
    let server = TestServer::start().await;
    let http = browser();
    let mut last = StatusCode::OK;
    for _ in 0..70 {
        let request = http
            .post(format!("{}/register", server.base()))
            .json(&json!({ "redirect_uris": ["https://a.example/cb"] }));
        let response = request.send().await.unwrap();
        last = response.status();
        if last != StatusCode::CREATED {
            assert!(response.headers().contains_key("retry-after"));
            break;
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
