//! The same server, walked as each client.

use insta::assert_snapshot;
use mcpo_test_support::{
    oauth_server::{OAuthServer, Settings},
    server::TestServer,
};
use serde_json::Value;

use crate::support::probe;

const CLIENTS: [&str; 6] = [
    "claude",
    "claude-code",
    "chatgpt",
    "vscode",
    "cursor",
    "inspector",
];

async fn report(url: &str, client: &str) -> Value {
    let run = probe(&[url, "--as", client, "--json", "--tool", "whoami"]).await;
    serde_json::from_str(&run.stdout).expect("a report")
}

/// C5: the document if it is offered together with `none`, a registration otherwise.
#[tokio::test]
async fn each_client_is_known_in_its_own_way() {
    let mut seen = Vec::new();
    for (documents, methods) in [
        (false, vec!["none", "client_secret_basic"]),
        (true, vec!["none", "client_secret_basic"]),
        (true, vec!["client_secret_basic"]),
    ] {
        for client in CLIENTS {
            let settings = Settings {
                documents,
                methods: methods.clone(),
                ..Settings::default()
            };
            let server = OAuthServer::start(settings).await;
            let report = report(&server.url(), client).await;
            assert_eq!(report["verdict"], "passed", "{report:#}");
            let known = match server.registrations().as_slice() {
                [] => "by its document".to_owned(),
                [body] => format!(
                    "{} {} {}",
                    body["application_type"],
                    body["redirect_uris"],
                    body["token_endpoint_auth_method"]
                ),
                several => panic!("registered {} times", several.len()),
            };
            seen.push(format!("{client}: {known}"));
        }
    }
    assert_snapshot!(seen.join("\n"), @r#"
    claude: "web" ["https://claude.ai/api/mcp/auth_callback"] "none"
    claude-code: "native" ["http://localhost:33418/callback"] "none"
    chatgpt: "web" ["https://chatgpt.com/connector_platform_oauth_redirect"] "none"
    vscode: "native" ["http://127.0.0.1:33418/","https://vscode.dev/redirect"] "none"
    cursor: "native" ["cursor://anysphere.cursor-mcp/oauth/callback","http://localhost:8787/callback","https://www.cursor.com/agents/mcp/oauth/callback"] "none"
    inspector: "native" ["http://localhost:6274/oauth/callback"] "none"
    claude: by its document
    claude-code: by its document
    chatgpt: by its document
    vscode: by its document
    cursor: "native" ["cursor://anysphere.cursor-mcp/oauth/callback","http://localhost:8787/callback","https://www.cursor.com/agents/mcp/oauth/callback"] "none"
    inspector: "native" ["http://localhost:6274/oauth/callback"] "none"
    claude: "web" ["https://claude.ai/api/mcp/auth_callback"] "client_secret_basic"
    claude-code: "native" ["http://localhost:33418/callback"] "client_secret_basic"
    chatgpt: "web" ["https://chatgpt.com/connector_platform_oauth_redirect"] "client_secret_basic"
    vscode: "native" ["http://127.0.0.1:33418/","https://vscode.dev/redirect"] "client_secret_basic"
    cursor: "native" ["cursor://anysphere.cursor-mcp/oauth/callback","http://localhost:8787/callback","https://www.cursor.com/agents/mcp/oauth/callback"] "client_secret_basic"
    inspector: "native" ["http://localhost:6274/oauth/callback"] "client_secret_basic"
    "#);
}

#[tokio::test]
async fn our_own_runtime_is_what_each_client_needs() {
    for client in CLIENTS {
        let server = TestServer::start_with(|config| config).await;
        let report = report(&format!("{}/mcp", server.base()), client).await;
        assert_eq!(report["verdict"], "passed", "{client}: {report:#}");
    }
}

#[tokio::test]
async fn the_verdict_says_what_each_client_would_show() {
    let mut seen = Vec::new();
    for client in CLIENTS {
        let server =
            OAuthServer::with(mcpo_test_support::oauth_server::Fault::NoRegistration).await;
        let report = report(&server.url(), client).await;
        assert_eq!(report["client"]["id"], client);
        seen.push(report["outcome"].as_str().expect("text").to_owned());
    }
    assert_snapshot!(seen.join("\n"), @"
    claude.ai: shows “Authorization with the MCP server failed”; no sign-in page opens
    Claude Code: shows “Incompatible auth server: does not support dynamic client registration” in /mcp
    ChatGPT: shows an error when the connector is created: it cannot register with this server
    VS Code: shows a message that Dynamic Client Registration is not supported, and a prompt for a client id
    Cursor: shows “Needs authentication” next to the server; one refused redirect URI is enough
    MCP Inspector: shows “Connection Error”: the registration failed
    ");
}

/// What only one client sends.
#[tokio::test]
async fn habits_reach_the_wire() {
    let server = OAuthServer::healthy().await;
    report(&server.url(), "chatgpt").await;
    let asked = server.parameters().join("\n");
    let state = asked
        .split('&')
        .find_map(|pair| pair.strip_prefix("state="));
    assert_eq!(state.map(str::len), Some(430), "{asked}");
}

#[tokio::test]
async fn a_redirect_uri_of_the_users_own_is_registered_instead() {
    let server = OAuthServer::healthy().await;
    let own = "http://localhost:9999/own";
    let run = probe(&[&server.url(), "--as", "cursor", "--redirect-uri", own]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let body = &server.registrations()[0];
    assert_eq!(body["redirect_uris"], serde_json::json!([own]));
    assert_eq!(body["client_name"], "Cursor");
}
