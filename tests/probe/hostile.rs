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
    assert_snapshot!(run.report(), @"");
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
    assert_snapshot!(probe_fault(Fault::EndlessBody).await.report(), @"");
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
