//! Tools that need additional scopes, and a tool list that needs no token.

use std::sync::Arc;

use mcpo_runtime::{Caller, needs_scopes};
use mcpo_test_support::{
    client::{TestClient, answer, browser, query_of},
    server::TestServer,
};
use reqwest::StatusCode;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig},
    service::RequestContext,
    tool, tool_handler, tool_router,
};
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
async fn rs3_rs4_missing_scope_gets_403_that_lists_all_required_scopes() {
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
             error_description=\"the token does not have the required scopes\", \
             resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", \
             scope=\"mcp:tools notes:write\"",
            server.base()
        )
    );
    // The client requests the scopes that the challenge names.
    let token = token_for(&client, "mcp:tools notes:write").await;
    let call = client.call(&token, "write_note", &json!({}));
    let text = call.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("written"), "{text}");
}

#[tokio::test]
async fn rs4_required_scopes_follow_the_body_and_not_the_header() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let token = token_for(&client, "mcp:tools").await;
    let call = client.call(&token, "write_note", &json!({}));
    let response = call.header("mcp-name", "add").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

/// Lists its tools to signed-in callers only, so the list is unknown at start.
#[derive(Clone, Copy)]
struct ForCallers;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    reason = "rmcp defines the signatures of tools"
)]
#[tool_router]
impl ForCallers {
    /// Delete everything.
    #[tool(meta = needs_scopes(&["notes:delete"]))]
    fn delete_all(&self) -> String {
        "gone".to_owned()
    }
}

#[tool_handler]
impl ServerHandler for ForCallers {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let parts = context.extensions.get::<http::request::Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<Caller>());
        if caller.is_none_or(|caller| caller.subject().is_empty()) {
            return Err(ErrorData::internal_error("sign in first", None));
        }
        let tools = Self::tool_router().list_all();
        Ok(ListToolsResult::with_all_items(tools))
    }
}

#[tokio::test]
async fn rs4_tool_scopes_are_enforced_if_the_tool_list_fails_at_startup() {
    let server = TestServer::start_serving(ForCallers, "127.0.0.1:0", Arc::default(), |config| {
        config.with_password("open sesame")
    })
    .await;
    let client = TestClient::register(&server.base()).await;
    let url = client
        .sign_in_and_allow(&client.request(), Some("open sesame"))
        .await;
    let code = query_of(&url, "code").unwrap();
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    let narrow = tokens["access_token"].as_str().unwrap();
    let response = client
        .call(narrow, "delete_all", &json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains("scope=\"mcp:tools notes:delete\""),
        "{challenge}"
    );
    // The client requests the scopes that the challenge names, and gets them.
    let wide = token_for(&client, "mcp:tools notes:delete").await;
    let text = client
        .call(&wide, "delete_all", &json!({}))
        .send()
        .await
        .unwrap();
    assert!(text.text().await.unwrap().contains("gone"));
}

#[tokio::test]
async fn rs5_wider_scope_is_accepted() {
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
async fn rs2_listing_tools_requires_a_token_unless_open_listing_is_enabled() {
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
async fn as13_registrations_are_rate_limited() {
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
