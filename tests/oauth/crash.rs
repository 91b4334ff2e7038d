//! A server that is killed repeatedly while it handles requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcpo_test_support::{
    client::{TestClient, query_of},
    process::{ServerProcess, free_port},
};
use reqwest::StatusCode;
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_sample-server");
const CLIENTS: usize = 6;
const KILLS: usize = 6;

/// A client that refreshes continuously, and retries with the token it has if it gets no response.
struct Refresher {
    client: TestClient,
    token: String,
}

impl Refresher {
    async fn new(base: &str) -> Self {
        let client = TestClient::register(base).await;
        let token = client.tokens().await["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { client, token }
    }

    /// Refreshes once and returns true if there was a response. A refusal means a lost grant.
    async fn refresh(&mut self) -> bool {
        let request = self
            .client
            .http
            .post(format!("{}/token", self.client.base))
            .form(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", &self.token),
                ("client_id", &self.client.id),
            ]);
        let Ok(answer) = request.send().await else {
            return false;
        };
        let status = answer.status();
        // An incomplete response may have been a success, so it counts as no response.
        let Ok(body) = answer.json::<Value>().await else {
            return false;
        };
        if status == StatusCode::TOO_MANY_REQUESTS {
            return false;
        }
        assert_eq!(status, StatusCode::OK, "a grant was lost: {body}");
        body["refresh_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as15_as18_grants_survive_repeated_kills_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut server = ServerProcess::start(SERVER, port, folder.path(), &[]).await;
    let over = Arc::new(AtomicBool::new(false));
    let answers = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..CLIENTS {
        let mut refresher = Refresher::new(&server.base()).await;
        let (over, answers) = (Arc::clone(&over), Arc::clone(&answers));
        tasks.push(tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                if refresher.refresh().await {
                    answers.fetch_add(1, Ordering::SeqCst);
                }
                // Keeps all clients together below the rate limit of one source.
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
            refresher
        }));
    }
    for kill in 0..KILLS {
        // The kills are not in step with the refreshes.
        tokio::time::sleep(Duration::from_millis(130 + 37 * kill as u64)).await;
        server.kill();
        server = ServerProcess::start(SERVER, port, folder.path(), &[]).await;
    }
    over.store(true, Ordering::SeqCst);
    for task in tasks {
        let mut refresher = task.await.unwrap();
        while !refresher.refresh().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    assert!(
        answers.load(Ordering::SeqCst) > CLIENTS * KILLS / 2,
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_used_codes_stay_used_after_the_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = ServerProcess::start(SERVER, port, folder.path(), &[]).await;
    let client = TestClient::register(&server.base()).await;
    let mut used = Vec::new();
    for _ in 0..5 {
        let url = client.sign_in_and_allow(&client.request(), None).await;
        let code = query_of(&url, "code").unwrap();
        let (status, tokens) = client.token(&client.exchange(&code)).await;
        assert_eq!(status, StatusCode::OK);
        // After a refresh, another exchange is a replay, not a repetition.
        let refreshed = client
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await;
        assert_eq!(refreshed.0, StatusCode::OK);
        used.push(code);
    }
    server.kill();
    let _server = ServerProcess::start(SERVER, port, folder.path(), &[]).await;
    for code in used {
        let (status, body) = client.token(&client.exchange(&code)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"], "invalid_grant");
    }
}
