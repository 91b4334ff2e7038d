//! The output on a terminal, which `script` provides.

use mcpo_test_support::oauth_server::{Fault, OAuthServer};
use tokio::process::Command;

async fn run_in_terminal(url: &str, environment: &[(&str, &str)]) -> String {
    let probe = format!("{} probe {url}", env!("CARGO_BIN_EXE_mcpo"));
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &probe, "/dev/null"])
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .envs(environment.iter().copied())
        .output()
        .await
        .expect("script, of util-linux");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[tokio::test]
async fn terminal_output_groups_checks_and_shows_the_pending_request() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let seen = run_in_terminal(&server.url(), &[]).await;
    let plain = without_escape_codes(&seen);
    for part in [
        "◆ finding the sign-in",
        "◆ signing in",
        "◆ using the server",
        "◆ staying connected",
        "│  ok",
        "│  FAIL",
        "POST http://127.0.0.1:",
        "failed: tools/call",
    ] {
        assert!(plain.contains(part), "{part} in\n{plain}");
    }
    assert!(seen.contains("\u{1b}[31m"), "a failure is red");
    // The last line is the next command: the request in progress is gone.
    let end = plain.trim_end().rsplit('\n').next().unwrap_or_default();
    assert!(end.trim_end().contains("next: mcpo probe"), "{end:?}");
}

#[tokio::test]
async fn no_color_disables_escape_codes() {
    let server = OAuthServer::healthy().await;
    let seen = run_in_terminal(&server.url(), &[("NO_COLOR", "1")]).await;
    assert!(!seen.contains('\u{1b}'), "{seen:?}");
    assert!(seen.contains("◆ signing in"), "{seen}");
}

/// Removes colors and cursor movements.
fn without_escape_codes(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // `ESC [`, parameters, one letter.
            let _ = characters.find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}
