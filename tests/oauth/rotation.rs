//! The effect of each key ring on what was sealed before, one ring after the other.

use std::{path::PathBuf, sync::Arc, time::Duration};

use mcpo_runtime::KeyRing;
use mcpo_test_support::{
    caller_tools::CallerTools,
    client::{REDIRECT_URI, TestClient, answer},
    clock::ManualClock,
    github::GitHub,
    process::{OTHER_SECRET as NEW, SECRET as OLD},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::github::{access, exchange, refresh, start_sign_in};

/// A server that is restarted at the same address with the same ledger.
struct RestartableServer {
    folder: TempDir,
    clock: Arc<ManualClock>,
    address: String,
    server: Option<TestServer>,
}

impl RestartableServer {
    async fn new() -> Self {
        let mut restarted = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::default(),
            address: "127.0.0.1:0".to_owned(),
            server: None,
        };
        restarted.with_ring(OLD).await;
        restarted
    }

    async fn with_ring(&mut self, ring: &str) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        let (keys, path) = (KeyRing::parse(ring).unwrap(), self.path());
        let clock = Arc::clone(&self.clock);
        let server = TestServer::start_on(&self.address, clock, |config| {
            config.with_keys(keys).with_sqlite(path)
        })
        .await;
        self.address = server.address.to_string();
        self.server = Some(server);
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite3")
    }

    fn base(&self) -> String {
        self.server.as_ref().unwrap().base()
    }
}

fn old_new() -> String {
    format!("{OLD},{NEW}")
}

fn new_old() -> String {
    format!("{NEW},{OLD}")
}

fn retired() -> String {
    format!("{NEW},retired:{OLD}")
}

async fn confidential(base: &str) -> TestClient {
    TestClient::register_as(base, &json!({ "redirect_uris": [REDIRECT_URI] })).await
}

/// Sends a form with the client's secret, another secret or none.
async fn send(
    client: &TestClient,
    path: &str,
    secret: Option<&str>,
    parameters: &[(&str, String)],
) -> (StatusCode, Value) {
    let request = client.http.post(format!("{}{path}", client.base));
    let request = match secret {
        Some(secret) => request.basic_auth(&client.id, Some(secret)),
        None => request,
    };
    let mut parameters = parameters.to_vec();
    parameters.push(("client_id", client.id.clone()));
    answer(request.form(&parameters)).await
}

async fn refreshed(client: &TestClient, tokens: &Value) -> (StatusCode, Value) {
    let parameters = [
        ("grant_type", "refresh_token".into()),
        ("refresh_token", refresh(tokens).to_owned()),
    ];
    send(client, "/token", client.secret.as_deref(), &parameters).await
}

async fn tokens_of(client: &TestClient) -> Value {
    let code = client.code().await;
    let mut parameters = client.exchange(&code);
    parameters.retain(|(name, _)| *name != "client_id");
    let (status, body) = send(client, "/token", client.secret.as_deref(), &parameters).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

#[tokio::test]
async fn as15_refreshed_grants_survive_key_rotation() {
    for is_retired in [false, true] {
        let mut server = RestartableServer::new().await;
        let base = server.base();
        let clients = [TestClient::register(&base).await, confidential(&base).await];
        let mut grants = Vec::new();
        for client in clients {
            let tokens = tokens_of(&client).await;
            grants.push((client, tokens));
        }
        for ring in [old_new(), new_old()] {
            server.with_ring(&ring).await;
            for (client, tokens) in &mut grants {
                assert_eq!(client.can_call(access(tokens)).await, StatusCode::OK);
                let (status, next) = refreshed(client, tokens).await;
                assert_eq!(status, StatusCode::OK, "{next}");
                *tokens = next;
            }
        }
        let ring = if is_retired {
            retired()
        } else {
            NEW.to_owned()
        };
        server.with_ring(&ring).await;
        for (client, tokens) in &grants {
            assert_eq!(client.can_call(access(tokens)).await, StatusCode::OK);
        }
        for (client, tokens) in &mut grants {
            for _ in 0..2 {
                server.clock.advance(Duration::from_secs(3600));
                let (status, next) = refreshed(client, tokens).await;
                assert_eq!(status, StatusCode::OK, "{next}");
                *tokens = next;
                assert_eq!(client.can_call(access(tokens)).await, StatusCode::OK);
            }
            let wrong = Some("mcpo_cs_wrong");
            let parameters = [
                ("grant_type", "refresh_token".into()),
                ("refresh_token", refresh(tokens).to_owned()),
            ];
            let (status, body) = send(client, "/token", wrong, &parameters).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
            if client.secret.is_some() {
                let (status, body) = send(client, "/token", None, &parameters).await;
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
            }
            // The page shows whether a client can start a new sign-in.
            let status = client.authorize(&client.request()).await.status();
            let expected = if is_retired {
                StatusCode::OK
            } else {
                StatusCode::BAD_REQUEST
            };
            assert_eq!(status, expected);
            let token = [("token", refresh(tokens).to_owned())];
            let secret = client.secret.as_deref();
            let (status, body) = send(client, "/revoke", secret, &token).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            let status = client.can_call(access(tokens)).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn as15_removing_a_key_ends_grants_that_were_not_refreshed() {
    for ring in [NEW.to_owned(), retired()] {
        let mut server = RestartableServer::new().await;
        let client = TestClient::register(&server.base()).await;
        let tokens = client.tokens().await;
        server.with_ring(&old_new()).await;
        server.with_ring(&new_old()).await;
        server.with_ring(&ring).await;
        let status = client.can_call(access(&tokens)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let (status, _) = client.refresh(refresh(&tokens)).await;
        assert!(status.is_client_error(), "{status}");
    }
}

#[tokio::test]
async fn as15_refresh_token_of_another_client_is_rejected() {
    let mut server = RestartableServer::new().await;
    let victim = confidential(&server.base()).await;
    let tokens = tokens_of(&victim).await;
    server.with_ring(&new_old()).await;
    let (_, tokens) = refreshed(&victim, &tokens).await;
    let attacker = TestClient::register(&server.base()).await;
    let own = attacker.tokens().await;
    server.with_ring(NEW).await;
    // The victim's id with the thief's token, and the other way around.
    let as_victim = TestClient {
        http: attacker.http.clone(),
        base: attacker.base.clone(),
        id: victim.id.clone(),
        secret: None,
    };
    for (client, tokens) in [
        (&as_victim, &own),
        (&as_victim, &tokens),
        (&attacker, &tokens),
    ] {
        let (status, body) = refreshed(client, tokens).await;
        assert!(status.is_client_error(), "{body}");
    }
    let (status, body) = refreshed(&victim, &tokens).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn as20_revoking_a_token_with_an_unknown_key_gets_503() {
    let mut server = RestartableServer::new().await;
    let client = TestClient::register(&server.base()).await;
    server.with_ring(&new_old()).await;
    let tokens = client.tokens().await;
    // This instance did not get the new key when it was introduced.
    server.with_ring(OLD).await;
    for token in [access(&tokens), refresh(&tokens)] {
        let request = client.http.post(format!("{}/revoke", client.base));
        let request = request.form(&[("token", token), ("client_id", &client.id)]);
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
    }
    let id = access(&tokens).split_at("mcpo_at_".len() + 12).0;
    for invalid_token in [
        "",
        "unknown",
        "mcpo_at_",
        "mcpo_rt_AAAA",
        id,
        "mcpo_at_!!!!",
    ] {
        let parameters = [("token", invalid_token.to_owned())];
        let (status, _) = send(&client, "/revoke", None, &parameters).await;
        // An empty parameter counts as missing.
        let expected = if invalid_token.is_empty() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        assert_eq!(status, expected, "{invalid_token}");
    }
    server.with_ring(&old_new()).await;
    let token = [("token", refresh(&tokens).to_owned())];
    let (status, _) = send(&client, "/revoke", None, &token).await;
    assert_eq!(status, StatusCode::OK);
    let status = client.can_call(access(&tokens)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn up7_provider_tokens_survive_key_rotation() {
    let github = GitHub::start().await;
    github.add_account("octocat", 583_231);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    let clock = Arc::<ManualClock>::default();
    let start = async |address: &str, ring: &str| {
        let login = github.login().allow_logins(&["octocat"]).unwrap();
        let keys = KeyRing::parse(ring).unwrap();
        TestServer::start_serving(CallerTools, address, Arc::clone(&clock), |config| {
            config.with_login(login).with_keys(keys).with_sqlite(&path)
        })
        .await
    };
    let mut server = start("127.0.0.1:0", OLD).await;
    let address = server.address.to_string();
    github.set_callback(&server.base());
    let client = TestClient::register(&server.base()).await;
    let url = github
        .decide(&start_sign_in(&client).await, "octocat")
        .await;
    let back = client.http.get(url).send().await.unwrap();
    let mut tokens = exchange(&client, &back).await;
    for ring in [old_new(), new_old(), NEW.to_owned()] {
        server.stop().await;
        server = start(&address, &ring).await;
        let (status, next) = client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK, "{next}");
        tokens = next;
        let url = format!("{}/api/v3/user", github.url());
        let call = client.call(access(&tokens), "read", &json!({ "url": url }));
        let text = call.send().await.unwrap().text().await.unwrap();
        assert!(text.contains("octocat in full"), "{text}");
    }
    drop(server);
}
