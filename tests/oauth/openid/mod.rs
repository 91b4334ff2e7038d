//! Sign-in at an OpenID provider that is as strict as the specification, and that can answer
//! wrongly.

mod faults;
mod recheck;

use std::sync::Arc;

use mcpo_runtime::login::OpenId;
use mcpo_test_support::{
    caller_tools::CallerTools,
    client::{TestClient, query_of},
    clock::ManualClock,
    issuer::{ProviderFault, TestIssuer},
    server::TestServer,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::github::{access, exchange, start_sign_in};

/// A server with its provider, where `ada` has an account and is allowed to sign in.
struct OpenIdSetup {
    provider: TestIssuer,
    server: TestServer,
    client: TestClient,
}

impl OpenIdSetup {
    async fn new() -> Self {
        Self::with(|login| login.allow_emails(&["ada@example.com"]).unwrap()).await
    }

    async fn with(change: impl FnOnce(OpenId) -> OpenId) -> Self {
        let clock = Arc::<ManualClock>::default();
        let provider = TestIssuer::start_at(Arc::clone(&clock)).await;
        for name in ["ada", "bob"] {
            provider.set_account(
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
        let server = TestServer::start_serving(CallerTools, "127.0.0.1:0", clock, |config| {
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
    async fn sign_in_as(&self, name: &str) -> Response {
        let url = self
            .provider
            .decide(&start_sign_in(&self.client).await, name);
        self.client.http.get(url).send().await.unwrap()
    }

    /// Continues with a new client and a new browser that is not signed in.
    async fn use_new_browser(&mut self) {
        self.client = TestClient::register(&self.server.base()).await;
    }

    async fn tokens_of(&self, name: &str) -> Value {
        let answer = self.sign_in_as(name).await;
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
async fn up4_up5_signed_in_user_is_identified_by_issuer_and_subject() {
    let setup = OpenIdSetup::new().await;
    let there = start_sign_in(&setup.client).await;
    assert_eq!(
        query_of(&there, "scope").unwrap(),
        "openid profile email offline_access"
    );
    let again = start_sign_in(&setup.client).await;
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(query_of(&there, name), query_of(&again, name), "{name}");
    }
    let tokens = setup.tokens_of("ada").await;
    let place = setup.provider.issuer().replace("http://", "");
    let who = setup.who_is(&tokens).await;
    assert_eq!(who, format!("{place}:ada is ada of Example"));
    assert_eq!(setup.provider.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn up6_each_allow_list_admits_only_listed_users() {
    for change in [
        (|login: OpenId| login.allow_emails(&["ADA@example.com"]).unwrap()) as fn(OpenId) -> OpenId,
        |login| login.allow_subjects(&["ada"]),
        |login| login.allow_groups(&["adas"]),
        |login| login.with_groups_claim("teams").allow_groups(&["core"]),
    ] {
        for (bare_id_token, no_userinfo) in [(false, false), (true, false), (false, true)] {
            let setup = OpenIdSetup::with(change).await;
            setup.provider.set_account(
                "ada",
                json!({
                    "email": "ada@example.com", "email_verified": true,
                    "groups": ["adas"], "teams": ["core"],
                }),
            );
            setup.provider.set_fault(ProviderFault {
                bare_id_token,
                no_userinfo,
                ..ProviderFault::default()
            });
            let refused = setup.sign_in_as("bob").await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
            let page = refused.text().await.unwrap();
            assert!(page.contains("may not use this server"), "{page}");
            setup.tokens_of("ada").await;
        }
    }
    let mut setup = OpenIdSetup::with(|login| login.allow_domains(&["example.com"]).unwrap()).await;
    setup.tokens_of("ada").await;
    setup.use_new_browser().await;
    setup.tokens_of("bob").await;
    setup.use_new_browser().await;
    setup.provider.set_account(
        "eve",
        json!({ "email": "eve@example.com.evil", "email_verified": true }),
    );
    assert_eq!(
        setup.sign_in_as("eve").await.status(),
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn up6_unverified_email_address_is_refused() {
    let setup = OpenIdSetup::new().await;
    for verified in [json!(false), json!("false"), json!(1), json!(null)] {
        setup.provider.set_account(
            "eve",
            json!({ "email": "ada@example.com", "email_verified": verified }),
        );
        let refused = setup.sign_in_as("eve").await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{verified}");
        let page = refused.text().await.unwrap();
        assert!(page.contains("not verified"), "{page}");
    }
}
