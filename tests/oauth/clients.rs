//! Clients that did not register: configured clients, and clients identified by a metadata
//! document.

use mcpo_runtime::ConfiguredClient;
use mcpo_test_support::{
    client::{REDIRECT_URI, TestClient, answer, browser, form_in, location, query_of},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::json;

const SECRET: &str = "a secret of the owner's";
const CALLBACK: &str = "https://claude.ai/api/mcp/auth_callback";

fn client_with_id(server: &TestServer, id: &str) -> TestClient {
    TestClient {
        http: browser(),
        base: server.base(),
        id: id.to_owned(),
        secret: None,
    }
}

fn with_redirect(
    mut parameters: Vec<(&'static str, String)>,
    uri: &str,
) -> Vec<(&'static str, String)> {
    parameters.retain(|(name, _)| *name != "redirect_uri");
    parameters.push(("redirect_uri", uri.to_owned()));
    parameters
}

#[tokio::test]
async fn as1_configured_client_must_send_its_secret() {
    let known = ConfiguredClient::new("my-claude", Some(SECRET), "Claude", &[CALLBACK]).unwrap();
    let server = TestServer::start_with(|config| config.with_client(known)).await;
    let client = client_with_id(&server, "my-claude");
    let request = with_redirect(client.request(), CALLBACK);
    let url = client.sign_in_and_allow(&request, None).await;
    let code = query_of(&url, "code").unwrap();
    let exchange = with_redirect(client.exchange(&code), CALLBACK);
    for (secret, expected) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("wrong"), StatusCode::UNAUTHORIZED),
        (Some(SECRET), StatusCode::OK),
    ] {
        let mut exchange = exchange.clone();
        if let Some(secret) = secret {
            exchange.push(("client_secret", secret.to_owned()));
        }
        let (status, body) = client.token(&exchange).await;
        assert_eq!(status, expected, "{secret:?}: {body}");
    }
    // The secret in the other place. The code was used before, but the secret is accepted.
    server.clock.advance(std::time::Duration::from_secs(46));
    let request = client
        .http
        .post(format!("{}/token", server.base()))
        .basic_auth("my-claude", Some(SECRET));
    let (_, body) = answer(request.form(&exchange)).await;
    assert_eq!(body["error"], "invalid_grant");
}

#[tokio::test]
async fn as8_as10_as12_client_with_a_metadata_document_completes_the_flow() {
    let server = TestServer::start().await;
    let client = client_with_id(&server, "https://claude.ai/oauth/mcp-oauth-client-metadata");
    let request = with_redirect(client.request(), CALLBACK);
    let page = client.authorize(&request).await.text().await.unwrap();
    assert!(page.contains("Allow Claude to use"), "{page}");
    assert!(page.contains("This name is published by <strong>claude.ai</strong>"));
    let fields = [("form", form_in(&page)), ("decision", "allow".into())];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let url = location(&client.submit("/consent", &fields).await);
    let code = query_of(&url, "code").unwrap();
    let exchange = with_redirect(client.exchange(&code), CALLBACK);
    let (status, body) = client.token(&exchange).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, body) = client
        .refresh(body["refresh_token"].as_str().unwrap())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");

    let elsewhere = with_redirect(client.request(), "https://evil.example/cb");
    let response = client.authorize(&elsewhere).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn as8_as11_a_document_at_a_private_address_is_not_fetched() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = TestServer::start().await;
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let client = client_with_id(&server, &format!("https://{host}:{port}/client.json"));
        let response = client.authorize(&client.request()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let page = response.text().await.unwrap();
        assert!(
            page.contains("describes itself in a document, but"),
            "{page}"
        );
    }
    let waited = std::time::Duration::from_millis(50);
    assert!(
        tokio::time::timeout(waited, listener.accept())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn as8_metadata_advertises_client_documents_and_public_clients() {
    let server = TestServer::start().await;
    let url = format!("{}/.well-known/oauth-authorization-server", server.base());
    let (_, body) = answer(browser().get(url)).await;
    assert_eq!(body["client_id_metadata_document_supported"], true);
    let methods = body["token_endpoint_auth_methods_supported"]
        .as_array()
        .unwrap();
    assert!(methods.contains(&"none".into()));
}

#[tokio::test]
async fn as1_registered_public_client_is_refused_after_public_access_ends() {
    let clock = std::sync::Arc::<mcpo_test_support::clock::ManualClock>::default();
    let folder = tempfile::tempdir().unwrap();
    let start = async |address: &str, public| {
        let path = folder.path().join("ledger.sqlite3");
        TestServer::start_on(address, std::sync::Arc::clone(&clock), |config| {
            config.with_sqlite(path).with_public_clients(public)
        })
        .await
    };
    let server = start("127.0.0.1:0", true).await;
    let address = server.address.to_string();
    let public = TestClient::register(&server.base()).await;
    let metadata = serde_json::json!({
        "redirect_uris": [mcpo_test_support::client::REDIRECT_URI],
        "token_endpoint_auth_method": "client_secret_post",
    });
    let confidential = TestClient::register_as(&server.base(), &metadata).await;
    let tokens = public.tokens().await;
    let code = public.code().await;
    server.stop().await;

    let server = start(&address, false).await;
    let page = public.authorize(&public.request()).await;
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    let token = tokens["refresh_token"].as_str().unwrap();
    for (status, body) in [
        public.token(&public.exchange(&code)).await,
        public.refresh(token).await,
    ] {
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert_eq!(body["error"], "invalid_client");
    }
    let code = confidential.code().await;
    let mut exchange = confidential.exchange(&code);
    exchange.push(("client_secret", confidential.secret.clone().unwrap()));
    let (status, body) = confidential.token(&exchange).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    drop(server);
}

#[tokio::test]
async fn as1_public_clients_are_refused_when_disabled() {
    let server = TestServer::start_with(|config| config.with_public_clients(false)).await;
    let url = format!("{}/.well-known/oauth-authorization-server", server.base());
    let (_, body) = answer(browser().get(url)).await;
    assert_eq!(body["client_id_metadata_document_supported"], false);
    assert_eq!(
        body["token_endpoint_auth_methods_supported"],
        serde_json::json!(["client_secret_basic", "client_secret_post"])
    );
    let public = serde_json::json!({
        "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none",
    });
    let request = browser()
        .post(format!("{}/register", server.base()))
        .json(&public);
    let (status, body) = answer(request).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"], "invalid_client_metadata");
    let document = client_with_id(&server, "https://claude.ai/oauth/mcp-oauth-client-metadata");
    let request = with_redirect(document.request(), CALLBACK);
    let response = document.authorize(&request).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

/// The `mcpo` tool hides the same characters: both are checked against one list.
#[tokio::test]
async fn as12_consent_page_removes_invisible_characters_from_client_names() {
    const LIST: &str = include_str!("../support/fixtures/hidden-characters.txt");
    let server = TestServer::start().await;
    let ranges = LIST.lines().filter(|line| !line.starts_with('#'));
    for range in ranges {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let read = |text: &str| u32::from_str_radix(text, 16).unwrap();
        let hidden: String = (read(first)..=read(last))
            .filter_map(char::from_u32)
            .collect();
        let metadata = json!({
            "client_name": format!("Alpha{hidden}Omega"),
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": "none",
        });
        let client = TestClient::register_as(&server.base(), &metadata).await;
        let page = client
            .authorize(&client.request())
            .await
            .text()
            .await
            .unwrap();
        assert!(page.contains("AlphaOmega"), "{range}: {page}");
    }
}
