//! A custom login.

use mcpo_runtime::UpstreamTokens;
use mcpo_runtime::login::{
    Field, Identity, Login, LoginContext, LoginError, LoginFuture, LoginInput, Outcome, Page,
    Refusal,
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
struct TwoQuestions {
    closed: Arc<AtomicBool>,
}

fn ask() -> Page {
    Page::new("Enter")
        .with_field(Field::username("who", "Your <name>"))
        .with_field(Field::one_time_code("code", "Code"))
}

impl Login for TwoQuestions {
    fn name(&self) -> &'static str {
        "two questions"
    }

    fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        Box::pin(async { Outcome::Page(ask()) })
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
            _ => Outcome::Page(ask().with_problem("That code is <wrong>.")),
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

async fn answer(client: &TestClient, who: &str, code: &str) -> reqwest::Response {
    let page = client.authorize(&client.request()).await;
    let page = page.text().await.unwrap();
    let form = form_in(&page);
    let fields = [("form", form.as_str()), ("who", who), ("code", code)];
    client.submit("/sign-in", &fields).await
}

#[tokio::test]
async fn up6_a_login_of_ones_own_asks_refuses_lets_in_and_throws_out() {
    let login = TwoQuestions::default();
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

    let wrong = answer(&client, "ada", "1").await;
    assert_eq!(wrong.status(), StatusCode::OK);
    let page = wrong.text().await.unwrap();
    assert!(page.contains("That code is &lt;wrong&gt;."), "{page}");
    let refused = answer(&client, "mallory", "123456").await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(refused.text().await.unwrap().contains("You know why."));

    let right = answer(&client, "ada", "123456").await;
    let next = format!("{}{}", client.base, location(&right));
    let page = client.http.get(next).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("<dd>ada</dd>"), "{page}");
    assert!(!page.contains("another account"), "{page}");
    let form = form_in(&page);
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let url = location(&client.submit("/consent", &fields).await);
    let code = query_of(&url, "code").unwrap();
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    let held = tokens["refresh_token"].as_str().unwrap().to_owned();
    let (status, tokens) = client.refresh(&held).await;
    assert_eq!(status, StatusCode::OK);
    closed.store(true, Ordering::SeqCst);
    let held = tokens["refresh_token"].as_str().unwrap().to_owned();
    let (status, _) = client.refresh(&held).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

/// A login with a programming error that shows only at run time.
#[derive(Debug)]
struct LeadsAstray;

impl Login for LeadsAstray {
    fn name(&self) -> &'static str {
        "astray"
    }

    fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        let there = "https://elsewhere.example/".to_owned();
        Box::pin(async { Outcome::Redirect(there) })
    }
}

#[tokio::test]
async fn up1_a_login_that_leads_away_without_a_provider_leads_nowhere() {
    let server = TestServer::start_with(|config| config.with_login(LeadsAstray)).await;
    let client = TestClient::register(&server.base()).await;
    let answer = client.authorize(&client.request()).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
}
