//! The authorization endpoint and the consent page.

use mcpo_runtime::ConfiguredClient;
use mcpo_test_support::{
    client::{REDIRECT_URI, TestClient, browser, form_in, location, query_of},
    process::{ServerProcess, free_port},
    server::TestServer,
};
use reqwest::{Response, StatusCode};
use serde_json::json;

fn with(
    mut parameters: Vec<(&'static str, String)>,
    name: &'static str,
    value: &str,
) -> Vec<(&'static str, String)> {
    parameters.retain(|(key, _)| *key != name);
    if !value.is_empty() {
        parameters.push((name, value.to_owned()));
    }
    parameters
}

#[tokio::test]
async fn as7_success_carries_code_state_and_issuer() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let url = client.sign_in_and_allow(&client.request(), None).await;
    assert!(url.starts_with(REDIRECT_URI));
    assert!(query_of(&url, "code").is_some());
    assert_eq!(query_of(&url, "state").as_deref(), Some("the-state"));
    assert_eq!(query_of(&url, "iss"), Some(server.base()));
}

#[tokio::test]
async fn as6_an_unknown_client_or_redirect_uri_never_redirects() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    for (name, value) in [
        ("client_id", ""),
        ("client_id", "unknown"),
        ("client_id", "mcpo_ci_AAAA"),
        ("redirect_uri", "https://evil.example/cb"),
        ("redirect_uri", "http://127.0.0.1:1/callback/extra"),
        ("redirect_uri", "javascript:alert(1)"),
    ] {
        let response = client.authorize(&with(client.request(), name, value)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}={value}");
        assert!(!response.headers().contains_key("location"));
        let page = response.text().await.unwrap();
        assert!(page.contains("This link does not work"), "{page}");
        assert!(!page.contains("evil.example"));
    }
}

/// A wrong request parameter, and the error that the client gets.
const INVALID_PARAMETERS: [(&str, &str, &str); 8] = [
    ("code_challenge", "", "invalid_request"),
    ("code_challenge", "too-short", "invalid_request"),
    ("code_challenge_method", "", "invalid_request"),
    ("code_challenge_method", "plain", "invalid_request"),
    ("response_type", "token", "unsupported_response_type"),
    ("response_type", "", "invalid_request"),
    ("resource", "https://other.example/mcp", "invalid_target"),
    ("scope", "admin", "invalid_scope"),
];

#[tokio::test]
async fn as3_as7_as16_errors_redirect_to_a_configured_client() {
    let named = ConfiguredClient::new("named", None, "Named", &[REDIRECT_URI]).unwrap();
    let server = TestServer::start_with(|config| config.with_client(named)).await;
    let client = TestClient {
        http: browser(),
        base: server.base(),
        id: "named".into(),
        secret: None,
    };
    for (name, value, error) in INVALID_PARAMETERS {
        let response = client.authorize(&with(client.request(), name, value)).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{name}={value}");
        check_error(&location(&response), error, &server.base());
    }
}

/// RFC 9700 §4.11.2: a link to this server must not redirect anywhere by itself.
#[tokio::test]
async fn as3_as6_as7_errors_of_an_unapproved_client_are_shown_with_a_link() {
    let server = TestServer::start().await;
    let app = json!({
        "redirect_uris": ["evil-app://callback"],
        "token_endpoint_auth_method": "none",
    });
    let client = TestClient::register(&server.base()).await;
    for (name, value, error) in INVALID_PARAMETERS {
        let response = client.authorize(&with(client.request(), name, value)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}={value}");
        let page = page_without_redirect(response).await;
        let link = page.split("<a class=\"button\" href=\"").nth(1).unwrap();
        let link = link.split('"').next().unwrap();
        let link = link.replace("&amp;", "&").replace("&#x2f;", "/");
        check_error(&link, error, &server.base());
        assert!(page.contains("Back to Test Client (127.0.0.1:1)"), "{page}");
    }
    let client = TestClient::register_as(&server.base(), &app).await;
    let request = with(client.request(), "redirect_uri", "evil-app://callback");
    let response = client
        .authorize(&with(request, "response_type", "none"))
        .await;
    let page = page_without_redirect(response).await;
    assert!(page.contains("(evil-app:)"), "{page}");
}

/// Returns the text of a page that does not redirect by itself.
async fn page_without_redirect(response: Response) -> String {
    assert!(!response.headers().contains_key("location"));
    assert!(!response.headers().contains_key("refresh"));
    let page = response.text().await.unwrap();
    assert!(!page.contains("http-equiv"), "{page}");
    page
}

fn check_error(url: &str, error: &str, issuer: &str) {
    assert!(url.starts_with(REDIRECT_URI), "{url}");
    assert_eq!(query_of(url, "error").as_deref(), Some(error), "{url}");
    assert_eq!(query_of(url, "state").as_deref(), Some("the-state"));
    assert_eq!(query_of(url, "iss").as_deref(), Some(issuer));
}

#[tokio::test]
async fn as6_repeated_parameter_is_refused() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let mut parameters = client.request();
    parameters.push(("redirect_uri", REDIRECT_URI.into()));
    let response = client.authorize(&parameters).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn as16_resource_may_be_omitted_or_differ_in_case_and_trailing_slash() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    for resource in ["", &format!("{}/mcp/", server.base().to_uppercase())] {
        // Only scheme and host are case-insensitive; the path is compared as is.
        let resource = resource.replace("/MCP/", "/mcp/");
        let url = client
            .sign_in_and_allow(&with(client.request(), "resource", &resource), None)
            .await;
        assert!(query_of(&url, "code").is_some(), "{resource}: {url}");
    }
}

#[tokio::test]
async fn missing_scope_gets_the_default_and_unknown_scopes_are_dropped() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    for scope in ["", "offline_access", "mcp:tools unknown", "openid profile"] {
        let url = client
            .sign_in_and_allow(&with(client.request(), "scope", scope), None)
            .await;
        let code = query_of(&url, "code").unwrap_or_else(|| panic!("{scope}: {url}"));
        let (_, tokens) = client.token(&client.exchange(&code)).await;
        assert_eq!(tokens["scope"], "mcp:tools", "{scope}");
    }
}

#[tokio::test]
async fn as12_consent_page_shows_client_redirect_scopes_and_loopback_warning() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let page = client
        .authorize(&client.request())
        .await
        .text()
        .await
        .unwrap();
    for text in [
        "Allow Test Client to use <strong>Sample</strong>?",
        "Not verified:",
        "<strong>127.0.0.1:1</strong>",
        "mcp:tools",
        "local-user",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(page.contains("a program on the computer you are using"));

    let elsewhere = json!({
        "client_name": "<script>alert(1)</script>",
        "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
        "token_endpoint_auth_method": "none",
    });
    let client = TestClient::register_as(&server.base(), &elsewhere).await;
    let request = with(
        client.request(),
        "redirect_uri",
        "https://claude.ai/api/mcp/auth_callback",
    );
    let page = client.authorize(&request).await.text().await.unwrap();
    assert!(page.contains("<strong>claude.ai</strong>"), "{page}");
    assert!(!page.contains("a program on the computer you are using"));
    assert!(!page.contains("<script>"), "escaped");
}

#[tokio::test]
async fn as6_pages_forbid_framing_caching_and_external_content() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let response = client.authorize(&client.request()).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    // The server does not restrict where the client redirects the browser afterwards.
    assert!(!policy.contains("form-action"), "{policy}");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("cache-control"), "no-store");
    let cookie = header("set-cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
}

#[tokio::test]
async fn denied_consent_redirects_with_access_denied() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let page = client.authorize(&client.request()).await;
    let form = form_in(&page.text().await.unwrap());
    let fields = [("form", form.as_str()), ("decision", "deny")];
    let url = location(&client.submit("/consent", &fields).await);
    assert_eq!(query_of(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(query_of(&url, "state").as_deref(), Some("the-state"));
    assert_eq!(query_of(&url, "iss"), Some(server.base()));
}

#[tokio::test]
async fn consent_form_is_rejected_from_another_browser_or_origin() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let page = client.authorize(&client.request()).await;
    let form = form_in(&page.text().await.unwrap());
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let url = format!("{}/consent", server.base());

    // Another browser, a browser without cookies, and a page on another site.
    let other_browser = browser();
    other_browser
        .get(format!("{}/authorize", server.base()))
        .query(&client.request())
        .send()
        .await
        .unwrap();
    for (who, headers) in [
        (other_browser, None),
        (browser(), None),
        (
            client.http.clone(),
            Some(("origin", "https://evil.example")),
        ),
        (client.http.clone(), Some(("sec-fetch-site", "cross-site"))),
    ] {
        let mut request = who.post(&url).form(&fields);
        if let Some((name, value)) = headers {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        assert!(!response.headers().contains_key("location"), "{headers:?}");
    }
    // In the right browser, the form can even be submitted twice.
    for _ in 0..2 {
        let response = client.submit("/consent", &fields).await;
        assert!(query_of(&location(&response), "code").is_some());
    }
}

#[tokio::test]
async fn expired_consent_form_links_to_the_authorization_request() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let page = client.authorize(&client.request()).await;
    let form = form_in(&page.text().await.unwrap());
    server.clock.advance(std::time::Duration::from_secs(601));
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let response = client.submit("/consent", &fields).await;
    assert_eq!(response.status(), StatusCode::OK);
    let page = response.text().await.unwrap();
    assert!(page.contains("This page is too old"), "{page}");
    assert!(page.contains("authorize?response_type=code&amp;"), "{page}");
}

#[tokio::test]
async fn form_of_an_older_tab_explains_that_another_tab_continued() {
    let server = TestServer::start_with(|config| config.with_password("open sesame")).await;
    let client = TestClient::register(&server.base()).await;
    let first_tab = client.authorize(&client.request()).await;
    let first_tab = form_in(&first_tab.text().await.unwrap());
    let request = client.request();
    client
        .sign_in_and_allow(&request, Some("open sesame"))
        .await;
    let fields = [("form", first_tab.as_str()), ("password", "open sesame")];
    let response = client.submit("/sign-in", &fields).await;
    let page = response.text().await.unwrap();
    assert!(page.contains("You continued in another tab"), "{page}");
    assert!(page.contains("Start again"), "{page}");
}

/// A page is shown only if its form can be submitted.
#[tokio::test]
async fn longest_accepted_request_can_be_approved() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let mut longest = 0;
    for len in (1000..16_000).step_by(500) {
        let state = "s".repeat(len);
        let request = with(client.request(), "state", &state);
        let response = client.authorize(&request).await;
        if response.status() == StatusCode::OK {
            let url = client.sign_in_and_allow(&request, None).await;
            assert_eq!(query_of(&url, "state").as_ref(), Some(&state));
            longest = len;
        } else {
            let page = page_without_redirect(response).await;
            assert!(page.contains("longer than"), "{page}");
        }
    }
    assert!((8000..13_000).contains(&longest), "{longest}");
}

#[tokio::test]
async fn long_state_is_returned_unchanged() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let state = "s".repeat(4000);
    let request = with(client.request(), "state", &state);
    let url = client.sign_in_and_allow(&request, None).await;
    assert_eq!(query_of(&url, "state"), Some(state));
}

#[tokio::test]
async fn as5_custom_scheme_redirect_uses_a_page_with_a_link() {
    let server = TestServer::start().await;
    let uri = "cursor://anysphere.cursor-mcp/oauth/callback";
    let metadata = json!({
        "client_name": "Cursor", "redirect_uris": [uri], "token_endpoint_auth_method": "none",
    });
    let client = TestClient::register_as(&server.base(), &metadata).await;
    let request = with(client.request(), "redirect_uri", uri);
    let page = client.authorize(&request).await;
    let form = form_in(&page.text().await.unwrap());
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let response = client.submit("/consent", &fields).await;
    assert_eq!(response.status(), StatusCode::OK);
    let page = response.text().await.unwrap();
    assert!(page.contains("Open Cursor"), "{page}");
    let link = page.split("content=\"0; url=").nth(1).unwrap();
    let link = link.split('"').next().unwrap();
    let link = link.replace("&#x2f;", "/").replace("&amp;", "&");
    assert!(link.starts_with(uri), "{link}");
    assert!(query_of(&link, "code").is_some());
}

#[tokio::test]
async fn logo_is_embedded_in_the_page_as_a_data_url() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("logo.svg");
    std::fs::write(&file, "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    let program = env!("CARGO_BIN_EXE_sample-server");
    let logo = [("MCPO_LOGO", file.to_str().unwrap())];
    let server = ServerProcess::start(program, free_port(), folder.path(), &logo).await;
    let client = TestClient::register(&server.base()).await;
    let response = client.authorize(&client.request()).await;
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(policy.contains("img-src data:"), "{policy}");
    let page = response.text().await.unwrap();
    assert!(
        page.contains("src=\"data:image&#x2f;svg+xml;base64,"),
        "{page}"
    );
}
