//! The log of a server while users sign in, at the most verbose level.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mcpo_test_support::{
    client::{TestClient, query_of},
    github::{CLIENT_ID, CLIENT_SECRET, Fault, GitHub},
    process::{SECRET, free_port},
};
use reqwest::StatusCode;

use super::github::{access, exchange, refresh, start_sign_in};

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn up7_log_contains_no_secrets_of_a_sign_in() {
    let github = GitHub::start().await;
    github.add_account("octocat", 583_231);
    github.expire_tokens_after(Duration::from_secs(30));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let port = free_port();
    let server = Command::new(env!("CARGO_BIN_EXE_sample-server"))
        .env("PORT", port.to_string())
        .env("MCPO_SECRET", SECRET)
        .env("MCPO_STATE_DIR", folder.path())
        .env("MCPO_LOG", "debug,mcpo_runtime=trace")
        .env("GITHUB_CLIENT_ID", CLIENT_ID)
        .env("GITHUB_CLIENT_SECRET", CLIENT_SECRET)
        .env("GITHUB_ALLOWED_LOGINS", "octocat")
        .env("GITHUB_SERVER_URL", github.url())
        .env_remove("ADMIN_PASSWORD")
        .stdin(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let _server = KillOnDrop(server);
    let base = format!("http://localhost:{port}");
    github.set_callback(&base);
    let http = mcpo_test_support::client::browser();
    while http.get(format!("{base}/health")).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let client = TestClient::register(&base).await;
    let mut secrets = vec![SECRET.to_owned(), client.id.clone()];
    github.fail("/login/oauth/access_token", Fault::Text("no JSON"));
    for _ in 0..2 {
        let there = start_sign_in(&client).await;
        secrets.push(query_of(&there, "state").unwrap());
        let url = github.decide(&there, "octocat").await;
        secrets.push(query_of(&url, "code").unwrap());
        let answer = client.http.get(url).send().await.unwrap();
        if answer.status() == StatusCode::BAD_GATEWAY {
            continue;
        }
        let location = mcpo_test_support::client::location(&answer);
        secrets.push(query_of(&location, "code").unwrap());
        let tokens = exchange(&client, &answer).await;
        // The provider's token is already due, so this call renews it.
        assert_eq!(client.can_call(access(&tokens)).await, StatusCode::OK);
        let (status, next) = client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK, "{next}");
        github.revoke_everything();
        let (status, _) = client.refresh(refresh(&next)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        for tokens in [&tokens, &next] {
            secrets.extend([access(tokens).to_owned(), refresh(tokens).to_owned()]);
        }
    }
    secrets.extend(github.secrets());
    assert!(secrets.len() >= 12, "{secrets:?}");
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("signed in"), "{log}");
    assert!(log.contains("does not answer with JSON"), "{log}");
    let called = "tool called tool=add subject=github:583231 client=\"Test Client\" ms=";
    let line = log.lines().find(|line| line.contains(called));
    assert!(
        line.is_some_and(|line| line.contains(" outcome=ok")),
        "{log}"
    );
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} in\n{log}");
    }
}
