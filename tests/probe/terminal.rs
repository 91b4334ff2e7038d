//! The output on a terminal, which `script` provides.

use mcpo_test_support::oauth_server::{Fault, OAuthServer};
use tokio::process::Command;

/// Runs `mcpo probe` on a terminal with 24 lines of 80 characters.
async fn run_in_terminal(arguments: &str, environment: &[(&str, &str)]) -> String {
    let mcpo = env!("CARGO_BIN_EXE_mcpo");
    let probe = format!("stty cols 80 rows 24; {mcpo} probe {arguments}");
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

/// Returns the report: what follows the last request in progress.
fn report(seen: &str) -> Vec<String> {
    let plain = without_escape_codes(seen);
    let lines = plain.lines().map(|line| {
        // A line that was drawn over contains a carriage return.
        let shown = line.trim_end_matches('\r').rsplit('\r').next();
        shown.unwrap_or_default().to_owned()
    });
    let lines: Vec<String> = lines.collect();
    let is_first = |line: &&String| line.starts_with("failed: ") || line.starts_with("passed: ");
    let first = lines.iter().position(|line| is_first(&line));
    lines[first.unwrap_or_else(|| panic!("no verdict in {plain}"))..].to_vec()
}

/// Returns the index of the line with what to do next, which is the last one or wrapped.
fn next(report: &[String]) -> usize {
    let next = report.iter().rposition(|line| line.starts_with("next: "));
    next.unwrap_or_else(|| panic!("no next step in {report:#?}"))
}

#[tokio::test]
async fn the_verdict_comes_first_and_phases_that_passed_are_one_line() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let seen = run_in_terminal(&server.url(), &[]).await;
    assert!(
        seen.contains("POST http://127.0.0.1:"),
        "a request in progress"
    );
    assert!(seen.contains("\u{1b}[31m"), "a failure is red");
    let report = report(&seen);
    assert!(
        report[0].starts_with("failed: tools/call, in "),
        "{report:#?}"
    );
    let nodes: Vec<&String> = report.iter().filter(|line| line.contains('◆')).collect();
    assert_eq!(nodes.len(), 4, "{report:#?}");
    for (node, start) in nodes.iter().zip([
        " ◆ finding the sign-in 7 ok, ",
        " ◆ signing in          6 ok, ",
        " ◆ using the server    8 ok, 1 failed, ",
        " ◆ staying connected   3 ok, ",
    ]) {
        assert!(node.starts_with(start), "{node}");
    }
    let branches = report.iter().filter(|line| line.starts_with(" │"));
    let branches: Vec<&String> = branches.collect();
    assert!(branches[0].starts_with(" │  FAIL"), "{report:#?}");
    assert!(
        !branches.iter().any(|line| line.contains("  ok ")),
        "{report:#?}"
    );
    // At the end is the fix, and not the same command again.
    assert!(
        report[next(&report)].starts_with("next: tools/call: "),
        "{report:#?}"
    );
}

#[tokio::test]
async fn no_line_is_wider_than_the_terminal() {
    for arguments in ["", "--verbose", "--for claude-directory,chatgpt"] {
        let server = OAuthServer::with(Fault::NoChallenge).await;
        let arguments = format!("{} {arguments}", server.url());
        let seen = run_in_terminal(&arguments, &[]).await;
        let report = report(&seen);
        for line in &report {
            // Outside of the tree, an address is not divided.
            let is_address = !line.starts_with(" │") && line.contains("https://");
            assert!(line.chars().count() <= 80 || is_address, "{line:?}");
        }
        let branches = report.iter().filter(|line| line.starts_with(" │"));
        assert!(branches.count() > 4, "{report:#?}");
    }
}

#[tokio::test]
async fn a_report_that_is_taller_than_the_terminal_ends_with_the_verdict() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let seen = run_in_terminal(&format!("{} --verbose", server.url()), &[]).await;
    let report = report(&seen);
    assert!(report.len() > 24, "{report:#?}");
    assert_eq!(report[0], report[next(&report) - 1], "{report:#?}");
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
