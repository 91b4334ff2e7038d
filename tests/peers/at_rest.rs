//! The data at rest after a whole flow: in the file, in Redis and in the bucket.

use std::{fs, path::Path};

use mcpo_test_support::{
    client::{REDIRECT_URI, TestClient, answer, query_of},
    process::{SECRET, ServerProcess, free_port},
    redis::{RedisServer, Setup},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{PASSWORD, SERVER, ledgers::Bucket};

/// Runs a whole flow and returns its secrets by name.
async fn secrets_of_a_flow(base: &str) -> Vec<(&'static str, String)> {
    let metadata = json!({ "redirect_uris": [REDIRECT_URI] });
    let client = TestClient::register_as(base, &metadata).await;
    let secret = client.secret.clone().unwrap();
    let url = client
        .sign_in_and_allow(&client.request(), Some(PASSWORD))
        .await;
    let code = query_of(&url, "code").unwrap();
    let send = async |path: &str, parameters: &[(&str, String)]| {
        let request = client.http.post(format!("{base}{path}"));
        let request = request.basic_auth(&client.id, Some(&secret));
        let (status, body) = answer(request.form(parameters)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    };
    let refresh = |token: &Value| {
        let token = token["refresh_token"].as_str().unwrap().to_owned();
        [
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", token),
        ]
    };
    let first = send("/token", &client.exchange(&code)).await;
    let second = send("/token", &refresh(&first)).await;
    let access = second["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(access).await, StatusCode::OK);
    send("/revoke", &[("token", access.to_owned())]).await;
    let token = |tokens: &Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    vec![
        ("key", SECRET.to_owned()),
        ("password", PASSWORD.to_owned()),
        ("client id", client.id.clone()),
        ("client secret", secret.clone()),
        ("code", code),
        ("access token", token(&first, "access_token")),
        ("refresh token", token(&first, "refresh_token")),
        ("next access token", token(&second, "access_token")),
        ("next refresh token", token(&second, "refresh_token")),
    ]
}

/// Asserts that no secret is stored, neither as text nor as decoded bytes.
fn assert_no_secret_is_stored(stored: &[u8], secrets: &[(&str, String)]) {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    for (name, secret) in secrets {
        assert!(!holds(secret.as_bytes()), "the {name} is stored");
        // Without the prefix `mcpo_xx_`.
        let bare = match secret.strip_prefix("mcpo_") {
            Some(rest) => rest.get(3..).unwrap_or(rest),
            None => secret,
        };
        assert!(!holds(bare.as_bytes()), "the {name} is stored");
        if let Ok(bytes) = URL_SAFE_NO_PAD.decode(bare) {
            assert!(!holds(&bytes), "the bytes of the {name} are stored");
        }
    }
}

async fn start(folder: &Path, environment: &[(&str, &str)]) -> ServerProcess {
    let environment = [&[("ADMIN_PASSWORD", PASSWORD)], environment].concat();
    ServerProcess::start(SERVER, free_port(), folder, &environment).await
}

#[tokio::test]
async fn as15_ledger_files_contain_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[]).await;
    let secrets = secrets_of_a_flow(&server.base()).await;
    // A crash leaves the files with the log of the last writes.
    server.kill();
    let mut stored = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        stored.extend(fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(stored.starts_with(b"SQLite format 3") || stored.len() > 4096);
    assert_no_secret_is_stored(&stored, &secrets);
}

#[tokio::test]
async fn as15_redis_values_contain_no_secrets() {
    let redis = RedisServer::start(Setup::default());
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[("MCPO_LEDGER", &redis.url())]).await;
    let secrets = secrets_of_a_flow(&server.base()).await;
    let keys = redis.command(&["KEYS", "*"]);
    let mut stored = keys.clone();
    for key in keys.lines() {
        stored.push_str(&redis.command(&["GET", key]));
    }
    assert!(stored.contains("\"revoked\":true"), "{stored}");
    assert_no_secret_is_stored(stored.as_bytes(), &secrets);
}

#[tokio::test]
async fn as15_bucket_objects_contain_no_secrets() {
    let bucket = Bucket::new().await;
    let environment = bucket.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &environment).await;
    let secrets = secrets_of_a_flow(&server.base()).await;
    let mut stored = Vec::new();
    for (name, data) in bucket.contents() {
        stored.extend(name.into_bytes());
        stored.extend(data);
    }
    let text = String::from_utf8_lossy(&stored);
    assert!(text.contains("\"revoked\":true"), "{text}");
    assert_no_secret_is_stored(&stored, &secrets);
    drop(server);
    bucket.end().await;
}
