//! The address is wrong: the probe says what the response means, and finds the MCP endpoint.

use insta::assert_snapshot;
use mcpo_test_support::plain::PlainServer;

use crate::support::{mask, probe_briefly, verdicts};

#[tokio::test]
async fn the_endpoint_is_found_at_another_path() {
    let server = PlainServer::with_other_paths().await;
    for (path, meaning) in [
        ("/", "nothing is served at this path"),
        ("/page", "a web page is served here"),
        ("/broken", "the server failed: its log has the cause"),
        (
            "/moved",
            "clients do not follow a redirect of the MCP endpoint",
        ),
        ("/mcp/", "nothing is served at this path"),
    ] {
        let run = probe_briefly(&[&server.at(path)], &[]).await;
        assert_eq!(run.code, Some(1), "{path}: {}", run.stdout);
        assert!(run.stdout.contains(meaning), "{path}: {}", run.stdout);
        let found = format!("use {}: an MCP server answers there", server.url());
        assert!(run.stdout.contains(&found), "{path}: {}", run.stdout);
        let next = format!("\nnext: mcpo probe {}\n", server.url());
        assert!(run.stdout.ends_with(&next), "{path}: {}", run.stdout);
    }
}

/// The response of the gateway is a cause only if no MCP server is found.
#[tokio::test]
async fn the_endpoint_is_found_behind_a_gateway() {
    const NOT_FOUND: &str = include_str!("../../crates/mcpo-probe/tests/recorded/nginx.404.http");
    let server = PlainServer::behind_gateway(NOT_FOUND).await;
    let run = probe_briefly(&[&server.at("/other")], &[]).await;
    let found = format!("use {}: an MCP server answers there", server.url());
    assert!(run.stdout.contains(&found), "{}", run.stdout);
    let next = format!("\nnext: mcpo probe {}\n", server.url());
    assert!(run.stdout.ends_with(&next), "{}", run.stdout);
}

/// The verdict is about the response that failed, not about the first one.
#[tokio::test]
async fn a_failure_after_initialize_is_named() {
    for (status, hint) in [
        (404, "share sessions between instances"),
        (500, "answer tools/list"),
    ] {
        let server =
            PlainServer::refusing(status, |headers| headers.contains_key("mcp-session-id"));
        let server = server.await;
        let run = probe_briefly(&[&server.url()], &[]).await;
        let seen = format!("initialize is open; tools/list: HTTP {status}");
        assert!(run.stdout.contains(&seen), "{}", run.stdout);
        assert!(run.stdout.contains(hint), "{}", run.stdout);
    }
}

#[tokio::test]
async fn the_older_transport_is_recognized() {
    let server = PlainServer::with_events().await;
    for path in ["/sse", "/mcp"] {
        let run = probe_briefly(&[&server.at(path)], &[]).await;
        let words = format!("HTTP+SSE transport of 2024-11-05 at {}", server.at("/sse"));
        assert!(run.stdout.contains(&words), "{path}: {}", run.stdout);
    }
}

#[tokio::test]
async fn a_server_without_an_endpoint_gets_the_fix() {
    let server = PlainServer::with_events().await;
    let url = server.at("/elsewhere");
    drop(server);
    assert_snapshot!(verdicts(&[&url]).await, @"
    exit 2
    could-not-run challenge
      because: http://127.0.0.1:…/elsewhere: connection refused: nothing listens there
      hint: start the server, or check host and port
    skipped the rest
    outcome: shows unreachable
    ");
    let run = probe_briefly(&[&url], &[]).await;
    assert_snapshot!(mask(&run.stdout), @"
    could not run: stopped at challenge, after TIME
    claude.ai: shows “Couldn't reach” the server: check the URL, verify that the server is running
    probed http://127.0.0.1:…/elsewhere as claude.ai

    finding the sign-in: 1 ok, 1 could not run, TIME, 5 skipped: the probe ended before it
      ???? TIME  challenge          http://127.0.0.1:…/elsewhere: connection refused: nothing listens there
           fix       start the server, or check host and port
    signing in:          6 skipped: the probe ended before it
    using the server:    9 skipped: the probe ended before it
    staying connected:   3 skipped: the probe ended before it

    next: start the server, or check host and port
    ");
}

#[tokio::test]
async fn an_address_without_a_scheme_is_completed() {
    let run = probe_briefly(&["localhost:18522/mcp"], &[]).await;
    assert_eq!(run.code, Some(2));
    let hint = "help: mcpo probe http://localhost:18522/mcp";
    assert!(run.stderr.contains(hint), "{}", run.stderr);
}
