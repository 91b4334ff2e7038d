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

#[tokio::test]
async fn user_outside_the_allow_list_can_choose_another_account() {
    let setup = GitHubSetup::new().await;
    let answer = setup.sign_in_as("stranger").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = answer.text().await.unwrap();
    assert!(page.contains("signed in at GitHub as stranger"), "{page}");
    assert!(page.contains("authorize?response_type"), "{page}");
    let answer = setup.sign_in_as("").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.text().await.unwrap().contains("denied access"));

    setup.tokens_of("octocat").await;
    let page = setup.client.authorize(&setup.client.request()).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("another account"), "{page}");
    let form = form_in(&page);
    let fields = [("form", form.as_str()), ("decision", "another account")];
    let there = location(&setup.client.submit("/consent", &fields).await);
    assert_eq!(query_of(&there, "prompt").unwrap(), "select_account");
}

#[tokio::test]
async fn up6_user_who_loses_a_listed_name_is_rejected_at_the_next_refresh() {
    let setup = GitHubSetup::new().await;
    let tokens = setup.tokens_of("octocat").await;
    let (status, tokens) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK);
    // The login name now belongs to another account, so the allow-list means another user.
    setup.github.rename("octocat", "octopus");
    setup.github.add_account("octocat", 8);
    let (status, body) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    assert_eq!(body["error"], "invalid_grant");
    let status = setup.client.call(access(&tokens), "whoami", &json!({}));
    let status = status.send().await.unwrap().status();
    assert_eq!(status, StatusCode::UNAUTHORIZED, "the grant has ended");
    // The browser's session does not lead to a new code either.
    let page = setup.client.authorize(&setup.client.request()).await;
    let form = form_in(&page.text().await.unwrap());
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let answer = setup.client.submit("/consent", &fields).await;
    assert!(location(&answer).starts_with("/authorize?"), "{answer:?}");
}

#[tokio::test]
async fn up6_changed_allow_list_ends_only_grants_of_removed_users() {
    let github = GitHub::start().await;
    github.add_account("octocat", 1);
    github.add_account("hubot", 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    let clock = Arc::<ManualClock>::default();
    let start = async |address: &str, names: &[&str]| {
        let login = github.login().allow_logins(names).unwrap();
        TestServer::start_on(address, Arc::clone(&clock), |config| {
            config.with_login(login).with_sqlite(&path)
        })
        .await
    };
    let server = start("127.0.0.1:0", &["octocat", "hubot"]).await;
    let address = server.address.to_string();
    github.set_callback(&server.base());
    let mut grants = Vec::new();
    for login in ["octocat", "hubot"] {
        let client = TestClient::register(&server.base()).await;
        let url = github.decide(&start_sign_in(&client).await, login).await;
        let answer = client.http.get(url).send().await.unwrap();
        let tokens = exchange(&client, &answer).await;
        grants.push((client, tokens));
    }
    server.stop().await;
    let _server = start(&address, &["hubot"]).await;
    let mut statuses = Vec::new();
    for (client, tokens) in grants {
        statuses.push(client.refresh(refresh(&tokens)).await.0);
    }
    assert_eq!(statuses, [StatusCode::BAD_REQUEST, StatusCode::OK]);
}

#[tokio::test]
async fn up6_organization_and_team_access_requires_active_membership() {
    for (name, other) in [("acme", "acme/core"), ("acme/core", "acme")] {
        let setup = GitHubSetup::with(|login| {
            if name.contains('/') {
                login.allow_teams(&["other/team", name]).unwrap()
            } else {
                login.allow_organizations(&["other", name]).unwrap()
            }
        })
        .await;
        let github = &setup.github;
        let there = setup.start_sign_in().await;
        assert_eq!(query_of(&there, "scope").unwrap(), "read:user read:org");
        for (organization, membership, status) in [
            (other, "active", StatusCode::FORBIDDEN),
            (name, "pending", StatusCode::FORBIDDEN),
            (name, "active", StatusCode::SEE_OTHER),
        ] {
            github.set_membership("octocat", organization, membership);
            let answer = setup.sign_in_as("octocat").await;
            assert_eq!(answer.status(), status, "{organization} {membership}");
        }
        let tokens = setup.tokens_of_signed_in_user().await;
        github.set_membership("octocat", name, "pending");
        let (_, body) = setup.client.refresh(refresh(&tokens)).await;
        assert_eq!(body["error"], "invalid_grant", "{body}");
        assert_eq!(github.violations(), Vec::<String>::new());
    }
}

impl GitHubSetup {
    /// Returns tokens for the user who is signed in in the browser.
    async fn tokens_of_signed_in_user(&self) -> Value {
        let url = self
            .client
            .sign_in_and_allow(&self.client.request(), None)
            .await;
        let code = query_of(&url, "code").unwrap();
        self.client.token(&self.client.exchange(&code)).await.1
    }
}

/// A login name that was given up can be taken by another account.
#[tokio::test]
async fn up6_new_owner_of_a_listed_login_name_is_refused() {
    let setup = GitHubSetup::new().await;
    let first = setup.tokens_of("octocat").await;
    setup.github.rename("octocat", "octocat-old");
    setup.github.rename("stranger", "octocat");
    let another = TestClient::register(&setup.client.base).await;
    let url = setup
        .github
        .decide(&start_sign_in(&another).await, "octocat")
        .await;
    let answer = another.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = answer.text().await.unwrap();
    assert!(
        page.contains("Another account signed in here before"),
        "{page}"
    );
    // The first owner has lost the name, and with it the permission.
    let (status, _) = setup.client.refresh(refresh(&first)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn up6_account_allowed_by_id_keeps_access_after_a_rename() {
    let setup = GitHubSetup::with(|login| login.allow_ids(&[583_231])).await;
    let tokens = setup.tokens_of("octocat").await;
    setup.github.rename("octocat", "octocat-renamed");
    let (status, _) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK);
    // The name alone gives no access.
    setup.github.rename("stranger", "octocat");
    let another = TestClient::register(&setup.client.base).await;
    let url = setup
        .github
        .decide(&start_sign_in(&another).await, "octocat")
        .await;
    let answer = another.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}
