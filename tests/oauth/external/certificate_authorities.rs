//! Authorization servers behind a company's certificate authority.

use std::{
    fs,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use mcpo_test_support::{
    client::{TestClient, browser},
    issuer::TestIssuer,
    process::{SECRET, ServerProcess, free_port},
};
use reqwest::StatusCode;
use serde_json::json;

const SERVER: &str = env!("CARGO_BIN_EXE_sample-server");

/// Returns the status of a call with a valid token to a server with these environment variables.
async fn call(issuer: &TestIssuer, more: &[(&str, &str)]) -> StatusCode {
    let folder = tempfile::tempdir().unwrap();
    let trusted = issuer.issuer();
    let environment = [&[("MCPO_AUTHORIZATION_SERVER", trusted.as_str())], more].concat();
    let server = ServerProcess::start(SERVER, free_port(), folder.path(), &environment).await;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let token = issuer.sign(&json!({
        "iss": trusted, "aud": format!("{}/mcp", server.base()), "sub": "ada",
        "client_id": "a client", "scope": "mcp:tools", "iat": now, "exp": now + 600,
    }));
    let client = TestClient {
        http: browser(),
        base: server.base(),
        id: String::new(),
        secret: None,
    };
    let call = client.call(&token, "add", &json!({ "a": 1, "b": 2 }));
    call.send().await.unwrap().status()
}

#[tokio::test]
async fn private_certificate_authority_is_trusted_when_configured() {
    let (issuer, authority) = TestIssuer::start_with_tls().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    fs::write(&path, &authority).unwrap();
    let unknown = call(&issuer, &[]).await;
    assert_eq!(
        unknown,
        StatusCode::SERVICE_UNAVAILABLE,
        "the authority is not trusted"
    );
    let by_path = [("MCPO_CA", path.to_str().unwrap())];
    assert_eq!(call(&issuer, &by_path).await, StatusCode::OK);
    let by_value = [("MCPO_CA", authority.as_str())];
    assert_eq!(call(&issuer, &by_value).await, StatusCode::OK);

    // A trusted authority does not make certificates of other authorities valid.
    let (another, _) = TestIssuer::start_with_tls().await;
    let unknown = call(&another, &by_path).await;
    assert_eq!(unknown, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn unusable_certificate_authorities_are_reported_at_startup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let at = path.to_str().unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, problem) in [
        (None, "cannot be read: No such file"),
        (Some(""), "contains no certificate"),
        (Some("a certificate\n"), "contains no certificate"),
        (Some(broken), "certificate 1 in it is not valid"),
    ] {
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        let output = Command::new(SERVER)
            .env("PORT", "0")
            .env("MCPO_SECRET", SECRET)
            .env("MCPO_LEDGER", "memory")
            .env("MCPO_CA", at)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{problem}");
        assert!(
            stderr.contains(at) && stderr.contains(problem),
            "{problem}: {stderr}"
        );
    }
}
