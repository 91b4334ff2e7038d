//! Sign-in with GitHub: the whole flow, against a fake that is as strict as GitHub's documentation.

use std::{fmt::Write as _, sync::Arc};

use mcpo_runtime::login;
use mcpo_test_support::{
    caller_tools::CallerTools,
    client::{TestClient, form_in, location, query_of},
    clock::ManualClock,
    github::GitHub,
    server::TestServer,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

/// A server with its fake GitHub, where `octocat` has an account and is allowed to sign in.
pub struct GitHubSetup {
    pub github: GitHub,
    pub server: TestServer,
    pub client: TestClient,
}

impl GitHubSetup {
    pub async fn new() -> Self {
        Self::with(|login| login.allow_logins(&["octocat"]).unwrap()).await
    }

    pub async fn with(change: impl FnOnce(login::GitHub) -> login::GitHub) -> Self {
        let github = GitHub::start().await;
        github.add_account("octocat", 583_231);
        github.add_account("stranger", 7);
        let login = change(github.login());
        let clock = Arc::<ManualClock>::default();
        let server = TestServer::start_serving(CallerTools, "127.0.0.1:0", clock, |config| {
            config.with_login(login)
        })
        .await;
        github.set_callback(&server.base());
        let client = TestClient::register(&server.base()).await;
        Self {
            github,
            server,
            client,
        }
    }

    /// Consents and returns the URL of the redirect to GitHub.
    pub async fn start_sign_in(&self) -> String {
        start_sign_in(&self.client).await
    }

    /// Signs in at GitHub and returns the server's response to the callback.
    pub async fn sign_in_as(&self, login: &str) -> Response {
        let url = self.github.decide(&self.start_sign_in().await, login).await;
        self.client.http.get(url).send().await.unwrap()
    }

    pub async fn tokens_of(&self, login: &str) -> Value {
        let answer = self.sign_in_as(login).await;
        exchange(&self.client, &answer).await
    }

    pub async fn call(&self, token: &str, tool: &str, path: &str) -> Response {
        let url = format!("{}/api/v3{path}", self.github.url());
        let request = self.client.call(token, tool, &json!({ "url": url }));
        request.send().await.unwrap()
    }
}

pub async fn start_sign_in(client: &TestClient) -> String {
    let page = client.authorize(&client.request()).await;
    assert_eq!(page.status(), StatusCode::OK);
    let form = form_in(&page.text().await.unwrap());
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let answer = client.submit("/consent", &fields).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    location(&answer)
}

pub async fn exchange(client: &TestClient, answer: &Response) -> Value {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let code = query_of(&location(answer), "code").unwrap();
    let (status, tokens) = client.token(&client.exchange(&code)).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    tokens
}

pub fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

pub fn refresh(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn up1_up2_up4_consent_precedes_the_redirect_to_the_provider() {
    let GitHubSetup {
        github,
        server: _server,
        client,
    } = GitHubSetup::new().await;
    let page = client.authorize(&client.request()).await;
    assert_eq!(page.headers()["x-frame-options"], "DENY");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    for named in [
        "Test Client",
        "127.0.0.1",
        "mcp:tools",
        "sign in with <strong>GitHub</strong>",
        "<code>read:user</code>",
    ] {
        assert!(page.contains(named), "{named} in {page}");
    }
    // Nothing is sent to the provider before consent, and nothing without a form of this server.
    let forged = [("form", "mcpo_fm_AAAA"), ("decision", "allow")];
    let refused = client.submit("/consent", &forged).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let denied = [("form", form_in(&page)), ("decision", "deny".into())];
    let denied = denied.each_ref().map(|(name, value)| (*name, &**value));
    let denied = location(&client.submit("/consent", &denied).await);
    assert_eq!(query_of(&denied, "error").unwrap(), "access_denied");
    // Another client needs separate consent.
    let other = TestClient::register(&client.base).await;
    let page = other.authorize(&other.request()).await;
    assert_eq!(page.status(), StatusCode::OK);

    let there = start_sign_in(&client).await;
    for (name, value) in [
        ("allow_signup", "false"),
        ("code_challenge_method", "S256"),
        ("scope", "read:user"),
    ] {
        assert_eq!(query_of(&there, name).unwrap(), value);
    }
    let again = start_sign_in(&client).await;
    for name in ["state", "code_challenge"] {
        assert_ne!(query_of(&there, name), query_of(&again, name), "{name}");
    }
    assert_eq!(github.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn up7_tools_use_the_callers_token_and_never_expose_it() {
    let setup = GitHubSetup::with(|login| login.allow_logins(&["*"]).unwrap()).await;
    let mut seen = String::new();
    for (login, id) in [("octocat", 583_231), ("stranger", 7)] {
        let client = TestClient::register(&setup.client.base).await;
        let url = setup
            .github
            .decide(&start_sign_in(&client).await, login)
            .await;
        let answer = client.http.get(url).send().await.unwrap();
        write!(seen, "{:?}", answer.headers()).unwrap();
        // The consent page for a signed-in user.
        let page = client.authorize(&client.request()).await;
        write!(seen, "{:?}", page.headers()).unwrap();
        let page = page.text().await.unwrap();
        assert!(page.contains(login), "{page}");
        seen.push_str(&page);
        let tokens = exchange(&client, &answer).await;
        seen.push_str(&tokens.to_string());
        let who = client.call(access(&tokens), "whoami", &json!({})).send();
        let who = who.await.unwrap().text().await.unwrap();
        assert!(who.contains(&format!("github:{id} is {login}")), "{who}");
        let read = setup.call(access(&tokens), "read", "/user").await;
        let read = read.text().await.unwrap();
        assert!(read.contains(&format!("{login} in full")), "{read}");
        seen.push_str(&read);
    }
    let secrets = setup.github.secrets();
    assert!(secrets.len() >= 3);
    for secret in secrets {
        assert!(!seen.contains(&secret), "{secret} in {seen}");
    }
    assert_eq!(setup.github.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn up3_cookie_is_opaque_and_consent_is_for_one_client() {
    let setup = GitHubSetup::new().await;
    let page = setup.client.authorize(&setup.client.request()).await;
    let cookie = page.headers()["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    let answer = setup.sign_in_as("octocat").await;
    let signed_in = answer.headers()["set-cookie"].to_str().unwrap();
    assert_ne!(
        signed_in, cookie,
        "a sign-in never keeps the cookie from before"
    );
    for claim in ["octocat", "583231", "github"] {
        assert!(!signed_in.contains(claim), "{claim} in {signed_in}");
    }
    // The browser is signed in, but another client still needs consent.
    let page = setup.client.authorize(&setup.client.request()).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("<strong>octocat</strong>"), "{page}");
    let other = TestClient::register(&setup.client.base).await;
    let mut asked = other.request();
    asked.retain(|(name, _)| *name != "client_id");
    asked.push(("client_id", other.id.clone()));
    let page = setup.client.authorize(&asked).await;
    assert_eq!(page.status(), StatusCode::OK, "a question, not a redirect");
}

#[tokio::test]
async fn up4_state_is_single_use_browser_bound_and_expires_in_ten_minutes() {
    let setup = GitHubSetup::new().await;
    let url = setup
        .github
        .decide(&setup.start_sign_in().await, "octocat")
        .await;
    // The callback fails in another browser, which does not use up the state.
    let other = TestClient::register(&setup.client.base).await;
    other.authorize(&other.request()).await;
    let answer = other.http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let stolen = mcpo_test_support::client::browser().get(&url).send().await;
    assert_eq!(stolen.unwrap().status(), StatusCode::BAD_REQUEST);
    // A forged state fails as well.
    let state = query_of(&url, "state").unwrap();
    for forged in ["", "AAAAAAAAAAAAAAAAAAAAAA", "x"] {
        let url = url.replace(&state, forged);
        let answer = setup.client.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{forged}");
    }
    assert_eq!(setup.github.calls("/login/oauth/access_token"), 0);
    let answer = setup.client.http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let again = setup.client.http.get(&url).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::BAD_REQUEST);
    assert_eq!(setup.github.calls("/login/oauth/access_token"), 1);

    // A state expires after ten minutes.
    let late = TestClient::register(&setup.client.base).await;
    let url = setup
        .github
        .decide(&start_sign_in(&late).await, "octocat")
        .await;
    let eleven_minutes = std::time::Duration::from_secs(11 * 60);
    setup.server.clock.advance(eleven_minutes);
    let answer = late.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn up4_second_of_two_concurrent_sign_ins_must_start_again() {
    let setup = GitHubSetup::new().await;
    let first = setup.start_sign_in().await;
    let second = setup.start_sign_in().await;
    let mut statuses = Vec::new();
    for there in [second, first] {
        let url = setup.github.decide(&there, "octocat").await;
        let answer = setup.client.http.get(url).send().await.unwrap();
        statuses.push(answer.status());
    }
    // A sign-in gives the browser a new id.
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::BAD_REQUEST]);
}

impl GitHubSetup {
    /// Returns tokens for the user who is signed in in the browser.
    pub async fn tokens_of_signed_in_user(&self) -> Value {
        let url = self
            .client
            .sign_in_and_allow(&self.client.request(), None)
            .await;
        let code = query_of(&url, "code").unwrap();
        self.client.token(&self.client.exchange(&code)).await.1
    }
}
