//! The examples of the runtime, as processes.

use std::{env, path::PathBuf, sync::Arc};

use mcpo_test_support::{
    client::{TestClient, query_of},
    clock::ManualClock,
    github::{CLIENT_ID, CLIENT_SECRET, GitHub},
    issuer::TestIssuer,
    process::{ServerProcess, free_port},
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::github::{access, exchange, start_sign_in};

const PASSWORD: &str = "correct horse battery staple";

/// A running example and a client that is registered there.
struct Example {
    client: TestClient,
    _process: ServerProcess,
    _state: TempDir,
}

/// Returns the path of an example, which cargo builds next to the test's own programs.
fn program(name: &str) -> PathBuf {
    let tests = env::current_exe().unwrap();
    let profile = tests.parent().and_then(|deps| deps.parent()).unwrap();
    let program = profile
        .join("examples")
        .join(name)
        .with_extension(env::consts::EXE_EXTENSION);
    assert!(
        program.exists(),
        "{} is missing: build it with `cargo build --workspace --examples`",
        program.display()
    );
    program
}

impl Example {
    async fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_at(free_port(), name, environment).await
    }

    async fn start_at(port: u16, name: &str, environment: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let program = program(name);
        let program = program.to_str().unwrap();
        let process = ServerProcess::start(program, port, state.path(), environment).await;
        Self {
            client: TestClient::register(&process.base()).await,
            _process: process,
            _state: state,
        }
    }

    /// Signs in on the server's own page and returns the tokens.
    async fn tokens(&self, field: &str, value: &str) -> Value {
        let client = &self.client;
        let url = client.sign_in_with(&client.request(), field, value).await;
        let code = query_of(&url, "code").unwrap_or_else(|| panic!("no code in {url}"));
        let (status, tokens) = client.token(&client.exchange(&code)).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens
    }

    async fn call(&self, tokens: &Value, tool: &str) -> String {
        let call = self.client.call(access(tokens), tool, &json!({}));
        text_of(call.send().await.unwrap()).await
    }
}

async fn text_of(response: Response) -> String {
    let body: Value = response.json().await.unwrap();
    let text = body["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test]
async fn the_example_password_signs_its_user_in() {
    let example = Example::start("password", &[("ADMIN_PASSWORD", PASSWORD)]).await;
    let tokens = example.tokens("password", PASSWORD).await;
    assert_eq!(example.call(&tokens, "whoami").await, "You are admin");
}

#[tokio::test]
async fn the_example_custom_login_knows_users_by_their_words() {
    let words = [("CODE_WORDS", "ada=tangerine bob=elderberry")];
    let example = Example::start("custom_login", &words).await;
    let tokens = example.tokens("word", "elderberry").await;
    assert_eq!(example.call(&tokens, "whoami").await, "You are bob");
}

#[tokio::test]
async fn the_example_github_reads_the_account_of_the_caller() {
    let github = GitHub::start().await;
    github.add_account("octocat", 583_231);
    let port = free_port();
    github.set_callback(&format!("http://localhost:{port}"));
    let api = format!("{}/api/v3", github.url());
    let environment = [
        ("GITHUB_CLIENT_ID", CLIENT_ID),
        ("GITHUB_CLIENT_SECRET", CLIENT_SECRET),
        ("GITHUB_ALLOWED_LOGINS", "octocat"),
        ("GITHUB_SERVER_URL", &github.url()),
        ("GITHUB_API_URL", &api),
    ];
    let example = Example::start_at(port, "github", &environment).await;
    let url = github
        .decide(&start_sign_in(&example.client).await, "octocat")
        .await;
    let answer = example.client.http.get(url).send().await.unwrap();
    let tokens = exchange(&example.client, &answer).await;
    let account = example.call(&tokens, "account").await;
    assert!(account.contains("583231"), "{account}");
    assert_eq!(github.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn the_example_openid_knows_the_name_of_the_user() {
    // The example is another process, so the provider shares its time.
    let provider = TestIssuer::start_at(Arc::new(ManualClock::from_now())).await;
    let claims = json!({
        "email": "ada@example.com", "email_verified": true, "preferred_username": "Ada",
    });
    provider.set_account("ada", claims);
    let (id, secret) = TestIssuer::CLIENT;
    let environment = [
        ("PROVIDER", provider.issuer()),
        ("CLIENT_ID", id.to_owned()),
        ("CLIENT_SECRET", secret.to_owned()),
        ("ALLOWED_EMAIL", "ada@example.com".to_owned()),
    ];
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, &**value));
    let example = Example::start("openid", &environment).await;
    let url = provider.decide(&start_sign_in(&example.client).await, "ada");
    let answer = example.client.http.get(url).send().await.unwrap();
    let tokens = exchange(&example.client, &answer).await;
    assert_eq!(example.call(&tokens, "whoami").await, "You are Ada");
    assert_eq!(provider.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn the_example_mounted_serves_the_application_and_the_tools() {
    let example = Example::start("mounted", &[("ADMIN_PASSWORD", PASSWORD)]).await;
    let client = &example.client;
    let page = client.http.get(&client.base).send().await.unwrap();
    assert_eq!(page.text().await.unwrap(), "The application's own page.");

    let challenge = client
        .http
        .post(format!("{}/mcp", client.base))
        .send()
        .await
        .unwrap();
    assert_eq!(challenge.status(), StatusCode::UNAUTHORIZED);
    let metadata = "/.well-known/oauth-protected-resource/mcp";
    let challenge = challenge.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains(metadata), "{challenge}");
    let metadata = client
        .http
        .get(format!("{}{metadata}", client.base))
        .send()
        .await
        .unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["resource"], format!("{}/mcp", client.base));
    assert_eq!(metadata["authorization_servers"], json!([client.base]));

    let tokens = example.tokens("password", PASSWORD).await;
    assert_eq!(example.call(&tokens, "whoami").await, "You are admin");
}
