//! Reports to paste and to feed to build servers.

use mcpo_test_support::oauth_server::{Fault, OAuthServer};

use crate::support::{probe, probe_fault};

#[tokio::test]
async fn markdown_begins_with_what_is_wrong() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let run = probe(&[&server.url(), "--markdown"]).await;
    assert_eq!(run.code, Some(1));
    let text = &run.stdout;
    assert!(
        text.starts_with("### mcpo probe: failed: tools/call"),
        "{text}"
    );
    assert!(
        text.contains("- seen: `whoami: no API key is set`"),
        "{text}"
    );
    assert!(text.contains("- pass `challenge`"), "{text}");
    assert!(run.stderr.contains("probing"), "the story goes to stderr");
}

#[tokio::test]
async fn junit_counts_and_escapes() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let run = probe(&[&server.url(), "--junit"]).await;
    let text = &run.stdout;
    assert!(
        text.contains(r#"failures="1" errors="0" skipped="0""#),
        "{text}"
    );
    assert!(
        text.contains(r#"<failure message="whoami: no API key is set">"#),
        "{text}"
    );
    let run = probe(&["http://127.0.0.1:1/mcp?a=1&b=%3C", "--junit"]).await;
    assert!(run.stdout.contains("a=1&amp;b="), "{}", run.stdout);
    assert!(run.stdout.contains(r#"errors="1""#), "{}", run.stdout);
}

/// What a server says is text in either, and nothing else.
#[tokio::test]
async fn a_servers_words_are_no_markup() {
    let server = OAuthServer::with(Fault::HostileStrings).await;
    for document in ["--markdown", "--junit"] {
        let run = probe(&[&server.url(), document]).await;
        let harmless = |character: char| character == '\n' || !character.is_control();
        assert!(run.stdout.chars().all(harmless), "{:?}", run.stdout);
    }
    let run = probe_fault(Fault::ToolError).await;
    assert!(!run.stdout.contains("<testsuite"), "only when asked for");
}

#[tokio::test]
async fn one_document_at_a_time() {
    let run = probe(&["http://localhost/mcp", "--json", "--junit"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
}
