//! Sign-in at an OpenID provider that is as strict as the specification, and that can answer
//! wrongly.

mod faults;
mod standing;

use std::sync::Arc;

use mcpo_runtime::login::OpenId;
use mcpo_test_support::{
    as_caller::AsCaller,
    client::{TestClient, query_of},
    clock::ManualClock,
    issuer::{TestIssuer, Wrong},
    server::TestServer,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::github::{access, depart, exchange};

/// A server with its provider, where `ada` has an account and is allowed to sign in.
struct Setting {
    provider: TestIssuer,
    server: TestServer,
    client: TestClient,
}

impl Setting {
    async fn new() -> Self {
        Self::with(|login| login.allow_emails(&["ada@example.com"]).unwrap()).await
    }

    async fn with(change: impl FnOnce(OpenId) -> OpenId) -> Self {
        let clock = Arc::<ManualClock>::default();
        let provider = TestIssuer::start_at(Arc::clone(&clock)).await;
        for name in ["ada", "bob"] {
            provider.open(
                name,
                json!({
                    "email": format!("{name}@example.com"),
                    "email_verified": true,
                    "preferred_username": format!("{name} of Example"),
                    "groups": [format!("{name}s"), "everyone"],
                }),
            );
        }
        let (id, secret) = TestIssuer::CLIENT;
        let login = OpenId::new(&provider.issuer(), id).unwrap();
        let login = change(login.with_secret(secret)).with_clock(clock.clone());
        let server = TestServer::start_serving(AsCaller, "127.0.0.1:0", clock, |config| {
            config.with_login(login)
        })
        .await;
        let client = TestClient::register(&server.base()).await;
        Self {
            provider,
            server,
            client,
        }
    }

    /// Signs in at the provider and returns the server's response to the callback.
    async fn arrive_as(&self, name: &str) -> Response {
        let url = self.provider.decide(&depart(&self.client).await, name);
        self.client.http.get(url).send().await.unwrap()
    }

    /// Continues with a new client and a new browser that is not signed in.
    async fn begin_anew(&mut self) {
        self.client = TestClient::register(&self.server.base()).await;
    }

    async fn tokens_of(&self, name: &str) -> Value {
        let answer = self.arrive_as(name).await;
        exchange(&self.client, &answer).await
    }

    async fn who_is(&self, tokens: &Value) -> String {
        let call = self.client.call(access(tokens), "whoami", &json!({}));
        let answer: Value = call.send().await.unwrap().json().await.unwrap();
        answer["result"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

#[tokio::test]
async fn up4_up5_somebody_signs_in_and_is_known_by_issuer_and_subject() {
    let setting = Setting::new().await;
    let there = depart(&setting.client).await;
    assert_eq!(
        query_of(&there, "scope").unwrap(),
        "openid profile email offline_access"
    );
    let again = depart(&setting.client).await;
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(query_of(&there, name), query_of(&again, name), "{name}");
    }
    let tokens = setting.tokens_of("ada").await;
    let place = setting.provider.issuer().replace("http://", "");
    let who = setting.who_is(&tokens).await;
    assert_eq!(who, format!("{place}:ada is ada of Example"));
    assert_eq!(setting.provider.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn up6_each_allow_list_lets_in_whom_it_names_and_nobody_else() {
    for change in [
        (|login: OpenId| login.allow_emails(&["ADA@example.com"]).unwrap()) as fn(OpenId) -> OpenId,
        |login| login.allow_subjects(&["ada"]),
        |login| login.allow_groups(&["adas"]),
        |login| login.with_groups_claim("teams").allow_groups(&["core"]),
    ] {
        for (bare_id_token, no_userinfo) in [(false, false), (true, false), (false, true)] {
            let setting = Setting::with(change).await;
            setting.provider.open(
                "ada",
                json!({
                    "email": "ada@example.com", "email_verified": true,
                    "groups": ["adas"], "teams": ["core"],
                }),
            );
            setting.provider.spoil(Wrong {
                bare_id_token,
                no_userinfo,
                ..Wrong::default()
            });
            let refused = setting.arrive_as("bob").await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
            let page = refused.text().await.unwrap();
            assert!(page.contains("may not use this server"), "{page}");
            setting.tokens_of("ada").await;
        }
    }
    let mut setting = Setting::with(|login| login.allow_domains(&["example.com"]).unwrap()).await;
    setting.tokens_of("ada").await;
    setting.begin_anew().await;
    setting.tokens_of("bob").await;
    setting.begin_anew().await;
    setting.provider.open(
        "eve",
        json!({ "email": "eve@example.com.evil", "email_verified": true }),
    );
    assert_eq!(
        setting.arrive_as("eve").await.status(),
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn up6_an_address_that_is_not_verified_lets_nobody_in() {
    let setting = Setting::new().await;
    for verified in [json!(false), json!("false"), json!(1), json!(null)] {
        setting.provider.open(
            "eve",
            json!({ "email": "ada@example.com", "email_verified": verified }),
        );
        let refused = setting.arrive_as("eve").await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{verified}");
        let page = refused.text().await.unwrap();
        assert!(page.contains("not verified"), "{page}");
    }
}
