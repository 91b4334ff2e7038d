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
async fn rs1_rs6_the_sdk_signs_in_at_oidc_provider_and_calls_a_tool_here() {
    let (there, here) = (free_port(), free_port());
    let _provider = oidc_provider(there, None).await;
    let issuer = format!("http://127.0.0.1:{there}");
    let folder = tempfile::tempdir().unwrap();
    let environment = [("MCPO_AUTHORIZATION_SERVER", &*issuer)];
    let server = ServerProcess::start(SERVER, here, folder.path(), &environment).await;
    let held = folder.path().join("client.json");
    let url = format!("{}/mcp", server.base());
    let arguments = [&*url, held.to_str().unwrap(), "whoami"];
    let printed = node("sdk-client.mjs", &arguments).await;
    let first: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(first["authorized"], true);
    let state: Value = serde_json::from_slice(&std::fs::read(&held).unwrap()).unwrap();
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

struct SignedIn {
    _provider: Child,
    server: ServerProcess,
    folder: tempfile::TempDir,
    place: String,
}

/// Starts a server whose users sign in at oidc-provider, with the allow-list `allowed`.
async fn sign_in_there(allowed: (&str, &str)) -> SignedIn {
    let (there, here) = (free_port(), free_port());
    let callback = format!("http://localhost:{here}/auth/oidc/callback");
    let provider = oidc_provider(there, Some(&callback)).await;
    let folder = tempfile::tempdir().unwrap();
    let place = format!("127.0.0.1:{there}");
    let environment = [
        ("OIDC_ISSUER", &*format!("http://{place}")),
        ("OIDC_CLIENT_ID", "mcpo"),
        ("OIDC_CLIENT_SECRET", "the secret of the client"),
        allowed,
    ];
    let server = ServerProcess::start(SERVER, here, folder.path(), &environment).await;
    SignedIn {
        _provider: provider,
        server,
        folder,
        place,
    }
}

#[tokio::test]
async fn up5_up6_people_sign_in_at_oidc_provider_and_stay_signed_in() {
    for (variable, value) in [
        ("OIDC_ALLOWED_EMAILS", "ada@example.com"),
        ("OIDC_ALLOWED_DOMAINS", "example.com"),
        ("OIDC_ALLOWED_SUBJECTS", "ada"),
    ] {
        let setting = sign_in_there((variable, value)).await;
        let held = setting.folder.path().join("client.json");
        let url = format!("{}/mcp", setting.server.base());
        let arguments = [&*url, held.to_str().unwrap(), "whoami", "", "ada"];
        let call = async || {
            let printed = node("sdk-client.mjs", &arguments).await;
            serde_json::from_str::<Value>(&printed).unwrap()
        };
        let first = call().await;
        assert_eq!(first["authorized"], true);
        let expected = format!("{}:ada through SDK client", setting.place);
        assert_eq!(first["text"], expected, "{variable}");
        // The refresh checks at oidc-provider whether ada is still allowed.
        let mut state: Value = serde_json::from_slice(&std::fs::read(&held).unwrap()).unwrap();
        state["tokens"]["access_token"] = "spoiled".into();
        std::fs::write(&held, state.to_string()).unwrap();
        let second = call().await;
        assert_eq!(second["authorized"], false, "{variable}");
        assert_eq!(second["text"], expected);
    }
}

#[tokio::test]
async fn up5_up6_chromium_signs_in_at_oidc_provider() {
    let setting = sign_in_there(("OIDC_ALLOWED_EMAILS", "ada@example.com")).await;
    let screenshots = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/pages");
    let place = format!("http://{}", setting.place);
    let printed = node("openid.mjs", &[&setting.server.base(), &place, screenshots]).await;
    assert_eq!(printed.matches("passed: ").count(), 4, "{printed}");
}
