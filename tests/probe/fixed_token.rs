//! A server that wants a fixed token instead of OAuth, and what each client can do with it.

use insta::assert_snapshot;
use mcpo_test_support::plain::PlainServer;

use crate::support::{probe, probe_briefly, verdicts};

const HEADER: [&str; 2] = ["--header", "Authorization: Bearer s3cr3t"];

async fn verdicts_as(client: &str) -> String {
    let server = PlainServer::with_fixed_token("s3cr3t").await;
    let url = server.url();
    let all = verdicts(&[&[&*url, "--as", client], &HEADER[..]].concat()).await;
    assert!(!all.contains("s3cr3t"), "{all}");
    let card = all.find("warn server-card").expect("a server card");
    let outcome = all.find("outcome: ").expect("an outcome");
    format!("{}{}", &all[..card], &all[outcome..])
}

#[tokio::test]
async fn a_client_without_headers_cannot_connect() {
    assert_snapshot!(verdicts_as("chatgpt").await, @"
    exit 1
    fail challenge
      seen: answers with authorization, and HTTP 401 without: the server wants a fixed header
      expected: a sign-in with OAuth, which every client can use
      hint: add a sign-in with OAuth: ChatGPT cannot send such a header. These clients can: Claude Code, VS Code, Cursor, Codex, Gemini CLI
    skipped resource-metadata resource-identity server-metadata issuer-identity pkce-support registration authorization state callback-issuer token token-caching
      because: the server accepts the header of --header
    outcome: shows before_sign_in
    ");
}

#[tokio::test]
async fn a_client_with_limited_headers_gets_a_warning() {
    assert_snapshot!(verdicts_as("claude").await, @"
    exit 0
    warn challenge
      seen: answers with authorization, and HTTP 401 without: the server wants a fixed header
      expected: a sign-in with OAuth, which every client can use
      hint: claude.ai sends such headers only for pro, max and team accounts, and with names such as authorization, x-api-key and x-auth-token; others: Claude Code, VS Code, Cursor, Codex, Gemini CLI
    skipped resource-metadata resource-identity server-metadata issuer-identity pkce-support registration authorization state callback-issuer token token-caching
      because: the server accepts the header of --header
    outcome: connects and can call tools
    ");
}

#[tokio::test]
async fn a_client_with_headers_connects() {
    assert_snapshot!(verdicts_as("claude-code").await, @"
    exit 0
    skipped resource-metadata resource-identity server-metadata issuer-identity pkce-support registration authorization state callback-issuer token token-caching
      because: the server accepts the header of --header
    outcome: connects and can call tools
    ");
    let server = PlainServer::with_fixed_token("s3cr3t").await;
    let url = server.url();
    let arguments = [&[&*url, "--as", "claude-code"], &HEADER[..]].concat();
    let run = probe_briefly(&arguments, &[]).await;
    let next = format!("{url} --header 'authorization: …'\n");
    assert!(run.stdout.ends_with(&next), "{}", run.stdout);
}

/// Whatever the server answers without the header, it is not open to everyone.
#[tokio::test]
async fn every_refusal_without_the_token_counts() {
    for status in [302, 400, 429] {
        let server =
            PlainServer::refusing(status, |headers| !headers.contains_key("authorization"));
        let server = server.await;
        let url = server.url();
        let verdicts = verdicts(&[&[&*url, "--as", "claude"], &HEADER[..]].concat()).await;
        let seen = format!("answers with authorization, and HTTP {status}");
        assert!(verdicts.contains(&seen), "{status}: {verdicts}");
        assert!(
            verdicts.contains("the server wants a fixed header"),
            "{verdicts}"
        );
    }
    // `initialize` is open to everyone here, but nothing after it.
    let server = PlainServer::refusing(401, |headers| {
        headers.contains_key("mcp-session-id") && !headers.contains_key("authorization")
    });
    let server = server.await;
    let url = server.url();
    let all = verdicts(&[&[&*url, "--as", "claude"], &HEADER[..]].concat()).await;
    assert!(
        all.contains("answers with authorization, and HTTP 401 without"),
        "{all}"
    );
    // A server that ignores the header is open.
    let server = PlainServer::start().await;
    let url = server.url();
    let run = probe(&[&[&*url, "--as", "claude"], &HEADER[..]].concat()).await;
    assert!(
        run.stdout
            .contains("answers without a token: open to everyone"),
        "{}",
        run.stdout
    );
}

#[tokio::test]
async fn without_the_token_the_probe_asks_for_it() {
    let server = PlainServer::with_fixed_token("s3cr3t").await;
    let run = probe_briefly(&[&server.url()], &[]).await;
    assert_eq!(run.code, Some(1));
    let hint = "If the server wants a fixed token, pass it with --header";
    assert!(run.stdout.contains(hint), "{}", run.stdout);
}
