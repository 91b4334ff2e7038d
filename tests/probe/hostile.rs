//! Servers that mean harm: bounded time and memory, printable output.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{Fault, OAuthServer};

use crate::support::{probe, probe_fault};

fn is_printable(text: &str) -> bool {
    text.chars()
        .all(|character| character == '\n' || !character.is_control())
        && !text.contains('\u{202e}')
}

#[tokio::test]
async fn escape_codes_reach_no_terminal() {
    let server = OAuthServer::with(Fault::HostileStrings).await;
    let run = probe(&[&server.url()]).await;
    assert!(
        is_printable(&run.stdout) && is_printable(&run.stderr),
        "{:?}",
        run.stdout
    );
    assert_snapshot!(run.report(), @r#"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      FAIL TIME  registration
             seen      HTTP 400, {"error":"invalid_redirect_uri","error_description":"only https redirect URIs\u001b[2J\u001b[1;32mall checks passed\u001b]0;pwned\u0007\u{202e}\u{9b}31m\r\nok"}
             expected  201 with a client_id
             clause    RFC 7591 §3; MCP 2026-07-28 authorization, Client Registration Approaches
             mend      accept a web client with the redirect URI https://claude.ai/api/mcp/auth_callback
      skip             authorization … refresh (14): the walk ended before it

    failed: registration, in TIME
    claude.ai: shows “Authorization with the MCP server failed”; no sign-in page opens
    next: mcpo probe http://127.0.0.1:…/mcp
    "#);
    let run = probe(&[&server.url(), "--json"]).await;
    assert!(
        is_printable(&run.stdout) && is_printable(&run.stderr),
        "{:?}",
        run.stdout
    );
}

#[tokio::test]
async fn escape_codes_in_names_and_answers_reach_no_terminal() {
    let settings = mcpo_test_support::oauth_server::Settings {
        fault: Some(Fault::HostileStrings),
        guarded: false,
        ..Default::default()
    };
    let run = crate::support::probe_settings(settings, &[]).await;
    assert!(is_printable(&run.stdout), "{:?}", run.stdout);
    assert!(run.stdout.contains(r"\u{1b}[2J"), "{:?}", run.stdout);
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    assert_snapshot!(probe_fault(Fault::EndlessBody).await.report(), @"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      FAIL TIME  resource metadata
             seen      http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp: a body of more than 1024 KiB
             expected  200 with a JSON document that names resource and authorization_servers
             clause    RFC 9728 §3; MCP 2026-07-28 authorization, Protected Resource Metadata Discovery
             mend      answer with a small document and end it
      skip             resource name … refresh (19): the walk ended before it

    failed: resource metadata, in TIME
    claude.ai: shows “Couldn't reach” the server or “Authorization with the MCP server failed”; no sign-in page opens
    next: mcpo probe http://127.0.0.1:…/mcp
    ");
}

#[tokio::test]
async fn a_dripping_body_is_cut_off() {
    let server = OAuthServer::with(Fault::SlowDrip).await;
    let since = Instant::now();
    let run = probe(&[&server.url(), "--timeout", "0.5"]).await;
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(
        run.stdout.contains("no whole answer within 0.5 s"),
        "{}",
        run.stdout
    );
    assert!(since.elapsed() < Duration::from_secs(8));
}
