//! Dynamic client registration.

use mcpo_test_support::{
    client::{TestClient, answer, browser},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn register(server: &TestServer, metadata: &Value) -> (StatusCode, Value) {
    let url = format!("{}/register", server.base());
    answer(browser().post(url).json(metadata)).await
}

#[tokio::test]
async fn as13_registrations_of_real_clients_are_accepted() {
    let server = TestServer::start().await;
    // The metadata that claude.ai, Cursor, VS Code and the Inspector send.
    for (name, uris) in [
        ("Claude", &["https://claude.ai/api/mcp/auth_callback"][..]),
        (
            "Cursor",
            &[
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "http://localhost:8787/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
            ],
        ),
        (
            "Visual Studio Code",
            &["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
        ),
        (
            "MCP Inspector",
            &[
                "http://localhost:6274/oauth/callback",
                "http://localhost:6274/oauth/callback/debug",
            ],
        ),
    ] {
        let (status, body) = register(
            &server,
            &json!({
                "client_name": name,
                "redirect_uris": uris,
                "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "application_type": "native",
                "scope": "mcp:tools",
                "software_id": "anything",
            }),
        )
        .await;
        assert_eq!(status, StatusCode::CREATED, "{name}: {body}");
        assert_eq!(body["client_name"], name);
        assert_eq!(body["redirect_uris"], json!(uris));
        assert_eq!(body["token_endpoint_auth_method"], "none");
        assert_eq!(body.get("client_secret"), None);
    }
}

#[tokio::test]
async fn as1_confidential_clients_get_a_secret() {
    let server = TestServer::start().await;
    for (asked, got) in [
        (json!("client_secret_basic"), "client_secret_basic"),
        (json!("client_secret_post"), "client_secret_post"),
        // RFC 7591 section 2: omitted means basic.
        (Value::Null, "client_secret_basic"),
    ] {
        let metadata = json!({
            "redirect_uris": ["https://a.example/cb"],
            "token_endpoint_auth_method": asked,
        });
        let (status, body) = register(&server, &metadata).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(body["token_endpoint_auth_method"], got);
        assert!(
            body["client_secret"]
                .as_str()
                .unwrap()
                .starts_with("mcpo_cs_")
        );
        assert_eq!(body["client_secret_expires_at"], 0);
    }
}

#[tokio::test]
async fn as5_one_invalid_redirect_uri_refuses_the_registration() {
    let server = TestServer::start().await;
    let metadata = json!({ "redirect_uris": ["https://a.example/cb", "http://evil.example/cb"] });
    let (status, body) = register(&server, &metadata).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_redirect_uri");
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with("redirect_uris[1]"), "{description}");
}

#[tokio::test]
async fn as13_invalid_or_oversized_metadata_is_refused() {
    let server = TestServer::start().await;
    let good = ["https://a.example/cb"];
    let many: Vec<_> = (0..17).map(|n| format!("https://a.example/{n}")).collect();
    for (metadata, error) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({ "redirect_uris": [] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": many }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": "x" }), "invalid_client_metadata"),
        (json!([]), "invalid_client_metadata"),
        (
            json!({ "redirect_uris": good, "token_endpoint_auth_method": "private_key_jwt" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": good, "grant_types": ["client_credentials"] }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": good, "response_types": ["token"] }),
            "invalid_client_metadata",
        ),
    ] {
        let (status, body) = register(&server, &metadata).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{metadata}");
        assert_eq!(body["error"], error, "{metadata}: {body}");
    }
    let huge = json!({ "redirect_uris": good, "client_name": "x".repeat(100_000) });
    let (status, _) = register(&server, &huge).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn as13_client_id_length_is_limited() {
    let server = TestServer::start().await;
    let metadata = json!({
        "client_name": "x".repeat(500),
        "redirect_uris": [format!("https://a.example/{}", "y".repeat(900))],
        "token_endpoint_auth_method": "none",
    });
    let client = TestClient::register_as(&server.base(), &metadata).await;
    assert!(client.id.len() < 2000, "{}", client.id.len());
}
