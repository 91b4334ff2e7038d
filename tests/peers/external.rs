//! oidc-provider, an independent implementation whose tokens are signed with RSA: as an external
//! authorization server, and as the OpenID provider of a server.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use mcpo_test_support::process::{ServerProcess, free_port};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::{FOLDER, SERVER, node, node_program};

/// Starts oidc-provider on `port`, with a client for `callback` if it is set.
pub async fn oidc_provider(port: u16, callback: Option<&str>) -> Child {
    let child = Command::new(node_program())
        .arg(format!("{FOLDER}/servers/openid.mjs"))
        .arg(port.to_string())
        .args(callback)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let began = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .is_err()
    {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "oidc-provider does not start"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child
}

#[tokio::test]
async fn rs1_rs6_sdk_signs_in_at_oidc_provider_and_calls_a_tool() {
    let (provider_port, server_port) = (free_port(), free_port());
    let _provider = oidc_provider(provider_port, None).await;
    let issuer = format!("http://127.0.0.1:{provider_port}");
    let folder = tempfile::tempdir().unwrap();
    let environment = [("MCPO_AUTHORIZATION_SERVER", &*issuer)];
    let server = ServerProcess::start(SERVER, server_port, folder.path(), &environment).await;
    let state_file = folder.path().join("client.json");
    let url = format!("{}/mcp", server.base());
    let arguments = [&*url, state_file.to_str().unwrap(), "whoami"];
    let printed = node("sdk-client.mjs", &arguments).await;
    let first: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(first["authorized"], true);
    let state: Value = serde_json::from_slice(&std::fs::read(&state_file).unwrap()).unwrap();
    let client = state["client"]["client_id"].as_str().unwrap();
    assert_eq!(first["text"], format!("ada through {client}"));
    // The token is valid only for this server.
    let other = ServerProcess::start(SERVER, free_port(), folder.path(), &environment).await;
    let token = state["tokens"]["access_token"].as_str().unwrap();
    let answer = mcpo_test_support::client::browser()
        .post(format!("{}/mcp", other.base()))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
}

struct OidcSetup {
    _provider: Child,
    server: ServerProcess,
    folder: tempfile::TempDir,
    provider_host: String,
}

/// Starts a server whose users sign in at oidc-provider, with the allow-list `allowed`.
async fn start_with_oidc_provider(allowed: (&str, &str)) -> OidcSetup {
    let (provider_port, server_port) = (free_port(), free_port());
    let callback = format!("http://localhost:{server_port}/auth/oidc/callback");
    let provider = oidc_provider(provider_port, Some(&callback)).await;
    let folder = tempfile::tempdir().unwrap();
    let provider_host = format!("127.0.0.1:{provider_port}");
    let environment = [
        ("OIDC_ISSUER", &*format!("http://{provider_host}")),
        ("OIDC_CLIENT_ID", "mcpo"),
        ("OIDC_CLIENT_SECRET", "the secret of the client"),
        allowed,
    ];
    let server = ServerProcess::start(SERVER, server_port, folder.path(), &environment).await;
    OidcSetup {
        _provider: provider,
        server,
        folder,
        provider_host,
    }
}

#[tokio::test]
async fn up5_up6_users_sign_in_at_oidc_provider_and_stay_signed_in() {
    for (variable, value) in [
        ("OIDC_ALLOWED_EMAILS", "ada@example.com"),
        ("OIDC_ALLOWED_DOMAINS", "example.com"),
        ("OIDC_ALLOWED_SUBJECTS", "ada"),
    ] {
        let setup = start_with_oidc_provider((variable, value)).await;
        let state_file = setup.folder.path().join("client.json");
        let url = format!("{}/mcp", setup.server.base());
        let arguments = [&*url, state_file.to_str().unwrap(), "whoami", "", "ada"];
        let call = async || {
            let printed = node("sdk-client.mjs", &arguments).await;
            serde_json::from_str::<Value>(&printed).unwrap()
        };
        let first = call().await;
        assert_eq!(first["authorized"], true);
        let expected = format!("{}:ada through SDK client", setup.provider_host);
        assert_eq!(first["text"], expected, "{variable}");
        // The refresh checks at oidc-provider whether ada is still allowed.
        let mut state: Value =
            serde_json::from_slice(&std::fs::read(&state_file).unwrap()).unwrap();
        state["tokens"]["access_token"] = "spoiled".into();
        std::fs::write(&state_file, state.to_string()).unwrap();
        let second = call().await;
        assert_eq!(second["authorized"], false, "{variable}");
        assert_eq!(second["text"], expected);
    }
}

#[tokio::test]
async fn up5_up6_chromium_signs_in_at_oidc_provider() {
    let setup = start_with_oidc_provider(("OIDC_ALLOWED_EMAILS", "ada@example.com")).await;
    let screenshots = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/pages");
    let provider_host = format!("http://{}", setup.provider_host);
    let printed = node(
        "openid.mjs",
        &[&setup.server.base(), &provider_host, screenshots],
    )
    .await;
    assert_eq!(printed.matches("passed: ").count(), 4, "{printed}");
}
