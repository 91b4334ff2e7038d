//! Signing in with a password.

use std::time::Duration;

use mcpo_test_support::{
    client::{TestClient, form_in, query_of},
    server::TestServer,
};
use reqwest::StatusCode;

const PASSWORD: &str = "open sesame";

async fn start() -> (TestServer, TestClient) {
    let server = TestServer::start_with(|config| config.with_password(PASSWORD)).await;
    let client = TestClient::register(&server.base()).await;
    (server, client)
}

async fn attempt(client: &TestClient, password: &str) -> (StatusCode, String) {
    let page = client.authorize(&client.request()).await;
    // Clients that fetch the page before they open a browser accept only status 200.
    assert_eq!(page.status(), StatusCode::OK);
    let form = form_in(&page.text().await.unwrap());
    let fields = [("form", form.as_str()), ("password", password)];
    let response = client.submit("/sign-in", &fields).await;
    let status = response.status();
    (status, response.text().await.unwrap())
}

#[tokio::test]
async fn correct_password_leads_to_consent_and_is_requested_once() {
    let (_server, client) = start().await;
    let url = client
        .sign_in_and_allow(&client.request(), Some(PASSWORD))
        .await;
    let code = query_of(&url, "code").unwrap();
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    let access = tokens["access_token"].as_str().unwrap();
    let request = client.call(access, "whoami", &serde_json::json!({}));
    let text = request.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("admin through"), "{text}");
    // The browser is signed in now: consent is the first page.
    let url = client.sign_in_and_allow(&client.request(), None).await;
    assert!(query_of(&url, "code").is_some());
}

#[tokio::test]
async fn sign_in_form_is_not_accepted_as_consent() {
    let (_server, client) = start().await;
    let page = client.authorize(&client.request()).await;
    let form = form_in(&page.text().await.unwrap());
    // The sign-in form is not valid as a consent form.
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let response = client.submit("/consent", &fields).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn browser_session_expires_after_eight_hours() {
    let (server, client) = start().await;
    client
        .sign_in_and_allow(&client.request(), Some(PASSWORD))
        .await;
    server.clock.advance(Duration::from_secs(8 * 3600));
    let page = client
        .authorize(&client.request())
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains("type=\"password\""), "{page}");
}

#[tokio::test]
async fn as21_wrong_passwords_are_reported_and_then_throttled() {
    let (server, client) = start().await;
    for _ in 0..5 {
        let (status, page) = attempt(&client, "wrong").await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("Wrong password"), "{page}");
    }
    // Even the right password must wait now.
    let (_, page) = attempt(&client, PASSWORD).await;
    assert!(page.contains("too many attempts"), "{page}");
    server.clock.advance(Duration::from_secs(2));
    let (status, _) = attempt(&client, PASSWORD).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn as21_forwarded_header_does_not_bypass_throttling() {
    let (_server, client) = start().await;
    let mut refused = false;
    for number in 0..8 {
        let page = client.authorize(&client.request()).await;
        let form = form_in(&page.text().await.unwrap());
        let request = client
            .http
            .post(format!("{}/sign-in", client.base))
            .header("x-forwarded-for", format!("198.51.100.{number}"))
            .form(&[("form", form.as_str()), ("password", "wrong")]);
        let page = request.send().await.unwrap().text().await.unwrap();
        refused |= page.contains("too many attempts");
    }
    assert!(refused);
}

#[tokio::test]
async fn up3_cookie_has_the_host_prefix_and_is_secure_over_https() {
    let base = mcpo_runtime::BaseUrl::parse("https://a.example").unwrap();
    let server =
        TestServer::start_with(|config| config.with_password(PASSWORD).with_base_url(base)).await;
    let http = mcpo_test_support::client::browser();
    let url = |path: &str| format!("http://{}{path}", server.address);
    let registered = http
        .post(url("/register"))
        .header("host", "a.example")
        .json(&serde_json::json!({
            "redirect_uris": ["https://b.example/cb"], "token_endpoint_auth_method": "none",
        }))
        .send()
        .await
        .unwrap();
    let id = registered.json::<serde_json::Value>().await.unwrap()["client_id"].clone();
    let challenge = mcpo_test_support::client::challenge("x");
    let response = http
        .get(url("/authorize"))
        .header("host", "a.example")
        .query(&[
            ("client_id", id.as_str().unwrap()),
            ("response_type", "code"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
        .send()
        .await
        .unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-mcpo="), "{cookie}");
    assert!(cookie.contains("; Path=/; "), "{cookie}");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
}

#[tokio::test]
async fn outdated_sign_in_form_links_to_the_authorization_request() {
    let (_server, client) = start().await;
    let old = client.authorize(&client.request()).await;
    let old = form_in(&old.text().await.unwrap());
    client
        .sign_in_and_allow(&client.request(), Some(PASSWORD))
        .await;
    let fields = [("form", old.as_str()), ("password", PASSWORD)];
    let page = client.submit("/sign-in", &fields).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("authorize?response_type=code&amp;"), "{page}");
}
