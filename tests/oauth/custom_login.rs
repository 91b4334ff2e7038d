//! A custom login.

use mcpo_runtime::UpstreamTokens;
use mcpo_runtime::login::{
    Field, Identity, Login, LoginContext, LoginError, LoginFuture, LoginInput, Outcome, Page,
    Provider, Refusal,
};
use mcpo_test_support::{
    client::{TestClient, form_in, location, query_of},
    server::TestServer,
};
use reqwest::StatusCode;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[derive(Debug, Default)]
struct UsernameAndCode {
    closed: Arc<AtomicBool>,
}

fn login_page() -> Page {
    Page::new("Enter")
        .with_field(Field::username("who", "Your <name>"))
        .with_field(Field::one_time_code("code", "Code"))
}

impl Login for UsernameAndCode {
    fn name(&self) -> &'static str {
        "two questions"
    }

    fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        Box::pin(async { Outcome::Page(login_page()) })
    }

    fn resume<'a>(
        &'a self,
        context: &'a LoginContext,
        input: &'a LoginInput,
    ) -> LoginFuture<'a, Outcome> {
        assert!(context.source().is_loopback());
        let outcome = match (input.get("who"), input.get("code")) {
            (Some("mallory"), _) => {
                Outcome::Refusal(Refusal::not_allowed("banned", "You know why."))
            }
            (Some(who), Some("123456")) => {
                Outcome::Identity(Identity::new(format!("id-{who}")).with_name(who))
            }
            _ => Outcome::Page(login_page().with_problem("That code is <wrong>.")),
        };
        Box::pin(async { outcome })
    }

    fn recheck<'a>(
        &'a self,
        identity: &'a Identity,
        upstream: Option<&'a UpstreamTokens>,
    ) -> LoginFuture<'a, Result<(), LoginError>> {
        assert!(upstream.is_none());
        assert_eq!(identity.name(), Some("ada"));
        let closed = self.closed.load(Ordering::SeqCst);
        Box::pin(async move {
            if closed {
                Err(LoginError::refused("closed"))
            } else {
                Ok(())
            }
        })
    }
}

async fn submit_login(client: &TestClient, who: &str, code: &str) -> reqwest::Response {
    let page = client.authorize(&client.request()).await;
    let page = page.text().await.unwrap();
    let form = form_in(&page);
    let fields = [("form", form.as_str()), ("who", who), ("code", code)];
    client.submit("/sign-in", &fields).await
}

#[tokio::test]
async fn up6_custom_login_shows_forms_refuses_users_and_rechecks_at_refresh() {
    let login = UsernameAndCode::default();
    let closed = Arc::clone(&login.closed);
    let server = TestServer::start_with(|config| config.with_login(login)).await;
    let client = TestClient::register(&server.base()).await;
    let page = client
        .authorize(&client.request())
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains("Your &lt;name&gt;"), "{page}");
    assert!(page.contains("autocomplete=\"one-time-code\""), "{page}");

    let wrong = submit_login(&client, "ada", "1").await;
    assert_eq!(wrong.status(), StatusCode::OK);
    let page = wrong.text().await.unwrap();
    assert!(page.contains("That code is &lt;wrong&gt;."), "{page}");
    let refused = submit_login(&client, "mallory", "123456").await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(refused.text().await.unwrap().contains("You know why."));

    let right = submit_login(&client, "ada", "123456").await;
    let next = format!("{}{}", client.base, location(&right));
    let page = client.http.get(next).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("<strong>ada</strong>"), "{page}");
    assert!(!page.contains("another account"), "{page}");
    let form = form_in(&page);
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let url = location(&client.submit("/consent", &fields).await);
    let code = query_of(&url, "code").unwrap();
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
    let (status, tokens) = client.refresh(&refresh_token).await;
    assert_eq!(status, StatusCode::OK);
    closed.store(true, Ordering::SeqCst);
    let refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
    let (status, _) = client.refresh(&refresh_token).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

/// A login with a programming error that shows only at run time.
#[derive(Debug)]
struct RedirectWithoutProvider;

impl Login for RedirectWithoutProvider {
    fn name(&self) -> &'static str {
        "astray"
    }

    fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        let there = "https://elsewhere.example/".to_owned();
        Box::pin(async { Outcome::Redirect(there) })
    }
}

#[tokio::test]
async fn up1_custom_login_redirect_without_a_provider_gets_502() {
    let server = TestServer::start_with(|config| config.with_login(RedirectWithoutProvider)).await;
    let client = TestClient::register(&server.base()).await;
    let answer = client.authorize(&client.request()).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
}

/// A login at a provider with this URL.
#[derive(Debug)]
struct Elsewhere(&'static str);

impl Login for Elsewhere {
    fn name(&self) -> &'static str {
        "elsewhere"
    }

    fn provider(&self) -> Option<Provider> {
        Some(Provider::new("Elsewhere", "/auth/elsewhere/callback"))
    }

    fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        Box::pin(async { Outcome::Redirect(self.0.to_owned()) })
    }
}

#[tokio::test]
async fn up1_browsers_are_sent_to_https_or_to_this_machine_only() {
    for (url, status) in [
        ("https://elsewhere.example/", StatusCode::SEE_OTHER),
        ("http://127.0.0.1:1/", StatusCode::SEE_OTHER),
        ("http://elsewhere.example/", StatusCode::BAD_GATEWAY),
        ("javascript:alert(1)", StatusCode::BAD_GATEWAY),
        ("/elsewhere", StatusCode::BAD_GATEWAY),
    ] {
        let server = TestServer::start_with(|config| config.with_login(Elsewhere(url))).await;
        let client = TestClient::register(&server.base()).await;
        let page = client.authorize(&client.request()).await;
        let form = form_in(&page.text().await.unwrap());
        let fields = [("form", form.as_str()), ("decision", "allow")];
        let answer = client.submit("/consent", &fields).await;
        assert_eq!(answer.status(), status, "{url}");
    }
}
