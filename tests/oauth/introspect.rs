//! Revocation and introspection.

use mcpo_test_support::{
    client::{REDIRECT_URI, TestClient, answer},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn confidential(server: &TestServer) -> TestClient {
    let metadata = json!({
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "client_secret_basic",
    });
    TestClient::register_as(&server.base(), &metadata).await
}

async fn post_token(client: &TestClient, endpoint: &str, token: &str) -> (StatusCode, Value) {
    let url = format!("{}{endpoint}", client.base);
    let request = match &client.secret {
        Some(secret) => client
            .http
            .post(url)
            .basic_auth(&client.id, Some(secret))
            .form(&[("token", token)]),
        None => client
            .http
            .post(url)
            .form(&[("token", token), ("client_id", &client.id)]),
    };
    answer(request).await
}

async fn tokens_of(client: &TestClient) -> Value {
    let code = client.code().await;
    let url = format!("{}/token", client.base);
    let request = client
        .http
        .post(url)
        .basic_auth(&client.id, client.secret.as_ref());
    let (status, body) = answer(request.form(&client.exchange(&code))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

#[tokio::test]
async fn as20_revoking_either_token_ends_the_grant() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    for kind in ["access_token", "refresh_token"] {
        let tokens = client.tokens().await;
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(client.can_call(access).await, StatusCode::OK);
        let (status, _) = post_token(&client, "/revoke", tokens[kind].as_str().unwrap()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(client.can_call(access).await, StatusCode::UNAUTHORIZED);
        let refresh = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(client.refresh(refresh).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn as20_revoking_a_foreign_token_returns_200_and_has_no_effect() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let other = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    for token in [access, "unknown"] {
        assert_eq!(post_token(&other, "/revoke", token).await.0, StatusCode::OK);
    }
    assert_eq!(client.can_call(access).await, StatusCode::OK);
}

#[tokio::test]
async fn as20_introspection_describes_only_the_clients_own_tokens() {
    let server = TestServer::start().await;
    let client = confidential(&server).await;
    let other = confidential(&server).await;
    let tokens = tokens_of(&client).await;
    let access = tokens["access_token"].as_str().unwrap();
    let (status, body) = post_token(&client, "/introspect", access).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["active"], true);
    assert_eq!(body["sub"], "local-user");
    assert_eq!(body["aud"], format!("{}/mcp", server.base()));
    assert_eq!(body["iss"], server.base());
    assert_eq!(body["client_id"], client.id);
    assert_eq!(
        body["exp"].as_u64().unwrap() - body["iat"].as_u64().unwrap(),
        3600
    );

    let inactive = json!({ "active": false });
    assert_eq!(post_token(&other, "/introspect", access).await.1, inactive);
    assert_eq!(
        post_token(&client, "/introspect", "unknown").await.1,
        inactive
    );
    post_token(&client, "/revoke", access).await;
    assert_eq!(post_token(&client, "/introspect", access).await.1, inactive);
}

#[tokio::test]
async fn as20_replaced_refresh_token_is_inactive() {
    let server = TestServer::start().await;
    let client = confidential(&server).await;
    let first = tokens_of(&client).await;
    let refresh = |tokens: &Value| tokens["refresh_token"].as_str().unwrap().to_owned();
    let is_active = async |token: &str| {
        let (status, body) = post_token(&client, "/introspect", token).await;
        assert_eq!(status, StatusCode::OK);
        body["active"].as_bool().unwrap()
    };
    assert!(is_active(&refresh(&first)).await);
    let url = format!("{}/token", client.base);
    let request = client.http.post(url);
    let request = request.basic_auth(&client.id, client.secret.as_ref());
    let parameters = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh(&first)),
    ];
    let (status, second) = answer(request.form(&parameters)).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    assert!(!is_active(&refresh(&first)).await);
    assert!(is_active(&refresh(&second)).await);
    // An access token is valid until it expires, even after a refresh.
    assert!(is_active(first["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn as20_introspection_requires_a_client_secret() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let (status, body) = post_token(&client, "/introspect", "anything").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["error"], "invalid_client");
}

#[tokio::test]
async fn as20_revocation_reaches_other_instances_within_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.sqlite3");
    let clock = std::sync::Arc::<mcpo_test_support::clock::ManualClock>::default();
    let base = mcpo_runtime::BaseUrl::parse("https://a.example").unwrap();
    let instance = async || {
        TestServer::start_on("127.0.0.1:0", std::sync::Arc::clone(&clock), |config| {
            config
                .with_sqlite(&file)
                .with_base_url(base.clone())
                .open_to_anyone()
        })
        .await
    };
    let (one, two) = (instance().await, instance().await);
    // Clients reach both instances by one host name, as one server.
    let http = mcpo_test_support::client::http()
        .redirect(reqwest::redirect::Policy::none())
        .resolve("one.invalid", one.address)
        .resolve("two.invalid", two.address)
        .default_headers(
            [(reqwest::header::HOST, "a.example".parse().unwrap())]
                .into_iter()
                .collect(),
        )
        .build()
        .unwrap();
    let at = |name: &str, server: &TestServer| {
        format!("http://{name}.invalid:{}", server.address.port())
    };
    let (one_url, two_url) = (at("one", &one), at("two", &two));
    let mut client = TestClient {
        http,
        base: one_url.clone(),
        id: String::new(),
        secret: None,
    };
    let metadata = json!({
        "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none",
    });
    let request = client
        .http
        .post(format!("{one_url}/register"))
        .json(&metadata);
    answer(request).await.1["client_id"]
        .as_str()
        .unwrap()
        .clone_into(&mut client.id);
    let token = access_token_with_manual_cookie(&client).await;

    for (url, expected) in [(&one_url, StatusCode::OK), (&two_url, StatusCode::OK)] {
        client.base.clone_from(url);
        assert_eq!(client.can_call(&token).await, expected);
    }
    client.base.clone_from(&one_url);
    assert_eq!(
        post_token(&client, "/revoke", &token).await.0,
        StatusCode::OK
    );
    assert_eq!(client.can_call(&token).await, StatusCode::UNAUTHORIZED);
    clock.advance(std::time::Duration::from_secs(60));
    client.base.clone_from(&two_url);
    assert_eq!(client.can_call(&token).await, StatusCode::UNAUTHORIZED);
}

/// Runs the flow with a manually kept cookie: the client's cookie store accepts it only over https.
async fn access_token_with_manual_cookie(client: &TestClient) -> String {
    let mut parameters = client.request();
    parameters.retain(|(name, _)| *name != "resource");
    let page = client.authorize(&parameters).await;
    let cookie = page.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let form = mcpo_test_support::client::form_in(&page.text().await.unwrap());
    let request = client
        .http
        .post(format!("{}/consent", client.base))
        .header("cookie", cookie)
        .form(&[("form", form.as_str()), ("decision", "allow")]);
    let location = mcpo_test_support::client::location(&request.send().await.unwrap());
    let code = mcpo_test_support::client::query_of(&location, "code").unwrap();
    let mut exchange = client.exchange(&code);
    exchange.retain(|(name, _)| *name != "resource");
    let (status, tokens) = client.token(&exchange).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    tokens["access_token"].as_str().unwrap().to_owned()
}
