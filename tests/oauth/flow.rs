//! From discovery to a tool call.

use mcpo_test_support::{client::TestClient, server::TestServer};
use serde_json::json;

#[tokio::test]
async fn a_client_gets_from_nothing_to_a_tool_call() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let token = tokens["access_token"].as_str().unwrap();
    let call = client.call(token, "whoami", &json!({}));
    let text = call.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("local-user through Test Client"), "{text}");
    server.stop().await;
}
