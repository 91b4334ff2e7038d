//! The runtime that generated servers embed, probed like any other server.

use insta::assert_snapshot;
use mcpo_test_support::server::TestServer;

use crate::support::{probe_with, verdicts};

#[tokio::test]
async fn runtime_passes_without_warnings() {
    let server = TestServer::start().await;
    let url = format!("{}/mcp", server.base());
    assert_snapshot!(verdicts(&[&url, "--tool", "whoami"]).await, @"
    exit 0
    skipped resources prompts
      because: the server offers none
    outcome: connects and can call tools
    ");
}

#[tokio::test]
async fn sign_in_form_of_the_runtime_is_filled() {
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
async fn runtime_passes_all_security_checks() {
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
    let attempts: Vec<_> = run.stdout.lines().skip(24).collect();
    assert_eq!(run.code, Some(0), "{}", attempts.join("\n"));
}
