//! The same server, probed as each client.

use insta::assert_snapshot;
use mcpo_test_support::{
    oauth_server::{OAuthServer, Settings},
    server::TestServer,
};
use serde_json::Value;

use crate::support::probe;

const CLIENTS: [&str; 12] = [
    "claude",
    "claude-code",
    "chatgpt",
    "vscode",
    "cursor",
    "inspector",
    "codex",
    "gemini-cli",
    "copilot-cli",
    "goose",
    "librechat",
    "n8n",
];

/// Their documents are not built into the runtime, and cannot be fetched here.
const FETCHED: [&str; 3] = ["codex", "copilot-cli", "goose"];

async fn report(url: &str, client: &str) -> Value {
    let run = probe(&[url, "--as", client, "--json", "--tool", "whoami"]).await;
    serde_json::from_str(&run.stdout).expect("a report")
}

/// C5: the document if it is offered together with `none`, a registration otherwise.
#[tokio::test]
async fn each_profile_registers_or_identifies_like_its_client() {
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
    claude-code: null ["http://localhost:3118/callback"] "none"
    chatgpt: "web" ["https://chatgpt.com/connector_platform_oauth_redirect"] "none"
    vscode: "native" ["http://127.0.0.1:33418/","http://127.0.0.1/","https://vscode.dev/redirect","https://insiders.vscode.dev/redirect"] "none"
    cursor: "native" ["cursor://anysphere.cursor-mcp/oauth/callback","http://localhost:8787/callback","https://www.cursor.com/agents/mcp/oauth/callback"] "none"
    inspector: "native" ["http://localhost:6274/oauth/callback"] "none"
    codex: "native" ["http://127.0.0.1:33418/callback"] "none"
    gemini-cli: null ["http://localhost:7777/oauth/callback"] "none"
    copilot-cli: "native" ["http://127.0.0.1:33418/"] "none"
    goose: "native" ["http://127.0.0.1:33418/oauth_callback"] "none"
    librechat: null ["http://localhost:3080/api/mcp/my-service/oauth/callback"] "none"
    n8n: null ["http://localhost:5678/rest/oauth2-credential/callback"] "none"
    claude: by its document
    claude-code: by its document
    chatgpt: by its document
    vscode: by its document
    cursor: "native" ["cursor://anysphere.cursor-mcp/oauth/callback","http://localhost:8787/callback","https://www.cursor.com/agents/mcp/oauth/callback"] "none"
    inspector: "native" ["http://localhost:6274/oauth/callback"] "none"
    codex: by its document
    gemini-cli: null ["http://localhost:7777/oauth/callback"] "none"
    copilot-cli: by its document
    goose: by its document
    librechat: null ["http://localhost:3080/api/mcp/my-service/oauth/callback"] "none"
    n8n: null ["http://localhost:5678/rest/oauth2-credential/callback"] "none"
    claude: "web" ["https://claude.ai/api/mcp/auth_callback"] "client_secret_basic"
    claude-code: null ["http://localhost:3118/callback"] "client_secret_basic"
    chatgpt: "web" ["https://chatgpt.com/connector_platform_oauth_redirect"] "client_secret_basic"
    vscode: "native" ["http://127.0.0.1:33418/","http://127.0.0.1/","https://vscode.dev/redirect","https://insiders.vscode.dev/redirect"] "client_secret_basic"
    cursor: "native" ["cursor://anysphere.cursor-mcp/oauth/callback","http://localhost:8787/callback","https://www.cursor.com/agents/mcp/oauth/callback"] "client_secret_basic"
    inspector: "native" ["http://localhost:6274/oauth/callback"] "client_secret_basic"
    codex: "native" ["http://127.0.0.1:33418/callback"] "client_secret_basic"
    gemini-cli: null ["http://localhost:7777/oauth/callback"] "client_secret_basic"
    copilot-cli: "native" ["http://127.0.0.1:33418/"] "client_secret_basic"
    goose: "native" ["http://127.0.0.1:33418/oauth_callback"] "client_secret_basic"
    librechat: null ["http://localhost:3080/api/mcp/my-service/oauth/callback"] "client_secret_basic"
    n8n: null ["http://localhost:5678/rest/oauth2-credential/callback"] "client_secret_basic"
    "#);
}

#[tokio::test]
async fn runtime_passes_with_every_client_profile() {
    for client in CLIENTS
        .into_iter()
        .filter(|client| !FETCHED.contains(client))
    {
        let server = TestServer::start_with(|config| config).await;
        let report = report(&format!("{}/mcp", server.base()), client).await;
        assert_eq!(report["verdict"], "passed", "{client}: {report:#}");
        let checks = report["checks"].as_array().expect("checks");
        let warned = checks.iter().find(|check| check["verdict"] == "warn");
        assert!(warned.is_none(), "{client}: {warned:#?}");
    }
}

#[tokio::test]
async fn outcome_describes_what_each_client_shows() {
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
    Codex: shows “Dynamic registration failed” from codex mcp login
    Gemini CLI: shows “Client registration failed” from /mcp auth
    GitHub Copilot CLI: shows “Authentication failed: MCPOAuthError: Failed to register OAuth client (tried both HTTP and HTTPS redirect URIs)” in /mcp
    goose: shows an error: goose cannot register with this server
    LibreChat: shows an error: LibreChat cannot register with this server
    n8n: shows “Invalid client registration response” or an error when the credential is connected
    ");
}

/// What only one client sends.
#[tokio::test]
async fn chatgpt_profile_sends_a_430_character_state() {
    let server = OAuthServer::healthy().await;
    report(&server.url(), "chatgpt").await;
    let asked = server.parameters().join("\n");
    let state = asked
        .split('&')
        .find_map(|pair| pair.strip_prefix("state="));
    assert_eq!(state.map(str::len), Some(430), "{asked}");
}

/// The `User-Agent` of each kind of request; browsers send that of the probe.
#[tokio::test]
async fn each_part_of_a_client_sends_its_own_user_agent() {
    let mut seen = Vec::new();
    for client in ["claude", "codex", "copilot-cli", "goose", "cursor"] {
        let server = OAuthServer::healthy().await;
        report(&server.url(), client).await;
        let mut agents = server.headers("user-agent");
        let own = |agent: &String| agent.starts_with("mcpo-probe/");
        let is_sent = agents.iter().any(own);
        agents.retain(|agent| !own(agent));
        agents.sort();
        agents.dedup();
        seen.push(format!("{client}: {agents:?}, own: {is_sent}"));
    }
    assert_snapshot!(seen.join("\n"), @r#"
    claude: ["Claude-User", "python-httpx/0.28.1"], own: true
    codex: ["codex-mcp-client/0.171.0"], own: true
    copilot-cli: [], own: true
    goose: ["goose/1.50.0"], own: true
    cursor: [], own: true
    "#);
}

/// A header that the user gives replaces that of the client.
#[tokio::test]
async fn the_user_can_choose_the_user_agent() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url(), "--header", "User-Agent: mine/1"]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let mut agents = server.headers("user-agent");
    agents.dedup();
    assert_eq!(agents, ["mine/1"]);
}

#[tokio::test]
async fn redirect_uri_option_replaces_the_redirect_uris_of_the_profile() {
    let server = OAuthServer::healthy().await;
    let own = "http://localhost:9999/own";
    let run = probe(&[&server.url(), "--as", "cursor", "--redirect-uri", own]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let body = &server.registrations()[0];
    assert_eq!(body["redirect_uris"], serde_json::json!([own]));
    assert_eq!(body["client_name"], "Cursor");
}
