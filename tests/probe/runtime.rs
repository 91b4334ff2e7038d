//! The runtime that generated servers embed, walked like any other server.

use insta::assert_snapshot;
use mcpo_test_support::server::TestServer;

use crate::support::{probe, probe_with};

#[tokio::test]
async fn our_own_runtime_passes_without_a_warning() {
    let server = TestServer::start().await;
    let run = probe(&[&format!("{}/mcp", server.base()), "--tool", "whoami"]).await;
    assert_snapshot!(run.report(), @"
    exit 0
    probing http://localhost:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope mcp:tools
      ok TIME  resource metadata  http://localhost:…/.well-known/oauth-protected-resource/mcp names http://localhost:…
      ok TIME  resource name      http://localhost:…/mcp
      ok TIME  issuer metadata    http://localhost:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://localhost:…
      ok TIME  PKCE offered       S256
      ok TIME  registration       known by the document at https://claude.ai/oauth/mcp-oauth-client-metadata
      ok TIME  authorization      through 1 page
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    http://localhost:…
      ok TIME  token              Bearer, 3600 s, with refresh token
      ok TIME  token not cached   Cache-Control: no-store
      ok TIME  server/discover    2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28
      ok TIME  initialize         sample 1.2.3, 2025-11-25, with a session
      ok TIME  server card        Sample 1.2.3, 1 icon; instructions: Tools to test with.
      ok TIME  versions           2025-03-26 → 2025-03-26, 2099-12-31 → 2025-11-25, stateless 2099-12-31 refused with the supported versions
      ok TIME  tools/list         5 tools: add, break_down, wait, whoami, write_note
      ok TIME  tools/call         whoami: local-user through Claude
      skip TIME  resources          the server offers none
      skip TIME  prompts            the server offers none
      ok TIME  older clients      find the same tools
      ok TIME  refresh            Bearer, 3600 s, with refresh token

    passed: 21 checks, in TIME
    looks like mcpo
    claude.ai: connects and can call tools
    next: claude mcp add --transport http my-service http://localhost:…/mcp
    ");
}

#[tokio::test]
async fn our_own_sign_in_form_is_filled() {
    let server = TestServer::start_with(|config| config.with_password("open sesame")).await;
    let url = format!("{}/mcp", server.base());
    let run = probe_with(
        &[&url, "--tool", "whoami"],
        &[("MCPO_PROBE_PASSWORD", "open sesame")],
    )
    .await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stdout.contains("through 2 pages"), "{}", run.stdout);
    let run = probe_with(&[&url], &[("MCPO_PROBE_PASSWORD", "wrong")]).await;
    assert_eq!(run.code, Some(2), "{}", run.stdout);
}

#[tokio::test]
async fn our_own_runtime_holds_against_every_attempt() {
    let server = TestServer::start_with(|config| config.with_password("open sesame")).await;
    let run = probe_with(
        &[
            &format!("{}/mcp", server.base()),
            "--tool",
            "whoami",
            "--security",
        ],
        &[("MCPO_PROBE_PASSWORD", "open sesame")],
    )
    .await;
    let attempts: Vec<_> = run.stdout.lines().skip(20).collect();
    assert_eq!(run.code, Some(0), "{}", attempts.join("\n"));
}
