//! Hostile servers: bounded time and memory, printable output.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{Fault, HostileResponse, OAuthServer, Settings, Stage};
use serde_json::Value;
use tokio::process::Command;

use crate::support::{fault_verdicts, probe, verdicts};

fn is_printable(text: &str) -> bool {
    text.chars()
        .all(|character| character == '\n' || !character.is_control())
        && !text.contains('\u{202e}')
}

#[tokio::test]
async fn escape_codes_in_errors_are_not_printed() {
    let server = OAuthServer::with(Fault::HostileStrings).await;
    let run = probe(&[&server.url()]).await;
    assert!(
        is_printable(&run.stdout) && is_printable(&run.stderr),
        "{:?}",
        run.stdout
    );
    assert_snapshot!(verdicts(&[&server.url()]).await, @r#"
    exit 1
    fail registration
      seen: HTTP 400, {"error":"invalid_redirect_uri","error_description":"only https redirect URIs\u001b[2J\u001b[1;32mall checks passed\u001b]0;pwned\u0007\u{202e}\u{9b}31m\r\nok"}
      expected: 201 with a client_id
      hint: accept a web client with the redirect URI https://claude.ai/api/mcp/auth_callback
    skipped the rest
    outcome: shows registration
    "#);
    let run = probe(&[&server.url(), "--json"]).await;
    assert!(
        is_printable(&run.stdout) && is_printable(&run.stderr),
        "{:?}",
        run.stdout
    );
}

#[tokio::test]
async fn escape_codes_in_names_and_tool_results_are_not_printed() {
    let settings = mcpo_test_support::oauth_server::Settings {
        fault: Some(Fault::HostileStrings),
        requires_token: false,
        ..Default::default()
    };
    let run = crate::support::probe_settings(settings, &[]).await;
    assert!(is_printable(&run.stdout), "{:?}", run.stdout);
    assert!(run.stdout.contains(r"\u{1b}[2J"), "{:?}", run.stdout);
}

#[tokio::test]
async fn endless_body_fails_at_the_size_limit() {
    assert_snapshot!(fault_verdicts(Fault::EndlessBody).await, @"
    exit 1
    fail resource-metadata
      seen: http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp: a body of more than 1024 KiB
      expected: 200 with a JSON document that names resource and authorization_servers
      hint: answer with a small document, and end the response
    skipped the rest
    outcome: shows before_sign_in
    ");
}

#[tokio::test]
async fn slow_body_fails_at_the_time_limit() {
    let server = OAuthServer::with(Fault::SlowBody).await;
    let since = Instant::now();
    let run = probe(&[&server.url(), "--timeout", "0.5"]).await;
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(
        run.stdout.contains("no complete answer within 0.5 s"),
        "{}",
        run.stdout
    );
    assert!(since.elapsed() < Duration::from_secs(8));
}

/// In KiB of address space: more than a probe needs, and far less than the servers send.
const MAX_ADDRESS_SPACE: u32 = 600_000;

/// Less than the time limit of one request, so that a probe that waits for it fails the test. A busy
/// machine needs half of this time.
const MAX_TIME: Duration = Duration::from_secs(90);

/// Returns the verdict on one hostile server, and how long it took.
async fn probe_hostile_server(
    stage: Stage,
    hostile_response: HostileResponse,
) -> (String, Duration) {
    let server = OAuthServer::start(Settings {
        hostile_response: Some((stage, hostile_response)),
        ..Settings::default()
    })
    .await;
    // A dripping response uses the whole limit, so its limit is short. The others get more time,
    // because a busy machine is slow.
    let seconds = if hostile_response == HostileResponse::Slow {
        "6"
    } else {
        "100"
    };
    let since = Instant::now();
    // The kernel enforces the limit: a probe that needs more memory dies.
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -v {MAX_ADDRESS_SPACE} && exec \"$@\""))
        .args(["sh", env!("CARGO_BIN_EXE_mcpo"), "probe", &server.url()])
        .args(["--timeout", seconds, "--json"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("a shell");
    let elapsed = since.elapsed();
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        is_printable(&stdout) && is_printable(&stderr),
        "{stage:?} {hostile_response:?}: {stdout:?} {stderr:?}"
    );
    let report: Value = serde_json::from_str(&stdout)
        .unwrap_or_else(|_| panic!("{stage:?} {hostile_response:?}: {stderr}"));
    let checks = report["checks"].as_array().expect("checks");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let wrong = checks
        .iter()
        .find(|check| ["fail", "could-not-run"].contains(&text(&check["verdict"]).as_str()));
    let wrong = wrong.unwrap_or_else(|| panic!("{stage:?} {hostile_response:?}: nothing is wrong"));
    assert!(
        !text(&wrong["hint"]).is_empty(),
        "{stage:?} {hostile_response:?}: no hint in {wrong}"
    );
    let verdict = format!("{} {}", text(&wrong["verdict"]), text(&wrong["id"]));
    (
        format!("{hostile_response:?} {stage:?}: {verdict}"),
        elapsed,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_responses_fail_in_bounded_time_and_memory() {
    let mut found = Vec::new();
    // Dripping responses use the whole limit, so the stages run in parallel.
    for hostile_response in HostileResponse::ALL {
        let runs: Vec<_> = Stage::ALL
            .iter()
            .map(|stage| tokio::spawn(probe_hostile_server(*stage, *hostile_response)))
            .collect();
        for run in runs {
            let (verdict, elapsed) = run.await.expect("a run");
            assert!(elapsed < MAX_TIME, "{verdict}: {elapsed:?}");
            found.push(verdict);
        }
    }
    assert_snapshot!(found.join("\n"), @"
    Endless Challenge: fail challenge
    Endless Resource: fail resource-metadata
    Endless Issuer: fail server-metadata
    Endless Register: fail registration
    Endless Page: fail authorization
    Endless Token: fail token
    Endless Endpoint: fail discover
    Slow Challenge: fail challenge
    Slow Resource: fail resource-metadata
    Slow Issuer: fail server-metadata
    Slow Register: fail registration
    Slow Page: fail authorization
    Slow Token: fail token
    Slow Endpoint: fail discover
    Loop Challenge: fail challenge
    Loop Resource: fail resource-metadata
    Loop Issuer: fail server-metadata
    Loop Register: fail registration
    Loop Page: fail authorization
    Loop Token: fail token
    Loop Endpoint: fail initialize
    Huge Challenge: fail challenge
    Huge Resource: fail resource-metadata
    Huge Issuer: fail server-metadata
    Huge Register: fail registration
    Huge Page: fail authorization
    Huge Token: fail token
    Huge Endpoint: fail discover
    Deep Challenge: fail challenge
    Deep Resource: fail resource-metadata
    Deep Issuer: fail server-metadata
    Deep Register: fail registration
    Deep Page: fail authorization
    Deep Token: fail token
    Deep Endpoint: fail initialize
    Headers Challenge: fail challenge
    Headers Resource: fail resource-metadata
    Headers Issuer: fail server-metadata
    Headers Register: fail registration
    Headers Page: fail authorization
    Headers Token: fail token
    Headers Endpoint: fail discover
    Escapes Challenge: fail challenge
    Escapes Resource: fail resource-identity
    Escapes Issuer: fail issuer-identity
    Escapes Register: fail registration
    Escapes Page: fail authorization
    Escapes Token: fail token
    Escapes Endpoint: fail initialize
    Markup Challenge: fail challenge
    Markup Resource: fail resource-metadata
    Markup Issuer: fail server-metadata
    Markup Register: fail registration
    Markup Page: fail authorization
    Markup Token: fail token
    Markup Endpoint: fail initialize
    Bytes Challenge: fail challenge
    Bytes Resource: fail resource-metadata
    Bytes Issuer: fail server-metadata
    Bytes Register: fail registration
    Bytes Page: fail authorization
    Bytes Token: fail token
    Bytes Endpoint: fail initialize
    ");
}

/// A server's text stays text in every document, and never runs.
#[tokio::test]
async fn markup_is_escaped_in_the_html_report() {
    for hostile_response in [HostileResponse::Markup, HostileResponse::Escapes] {
        let server = OAuthServer::start(Settings {
            hostile_response: Some((Stage::Token, hostile_response)),
            ..Settings::default()
        })
        .await;
        let run = probe(&[&server.url(), "--html"]).await;
        assert!(is_printable(&run.stdout), "{:?}", run.stdout);
        assert!(!run.stdout.contains("<script") && !run.stdout.contains("<img"));
    }
}
