//! Reports to paste into issues and for build servers.

use mcpo_test_support::oauth_server::{Fault, OAuthServer};
use serde_json::Value;

use crate::support::{probe, probe_fault};

/// The titles of all checks on the screen are those of the documents.
#[tokio::test]
async fn documents_have_the_titles_of_the_screen() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let screen = probe(&[&server.url()]).await.stdout;
    let titles: Vec<String> = screen
        .lines()
        .filter_map(|line| line.split_once(" ms  "))
        .map(|(_, rest)| rest.split("  ").next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(titles.len(), 25, "{screen}");
    for (flag, start, end) in [
        ("--markdown", " ", " (`"),
        ("--junit", " name=\"", "\""),
        ("--html", "</b> ", " <span>"),
    ] {
        let document = probe(&[&server.url(), flag]).await.stdout;
        for title in &titles {
            let part = format!("{start}{title}{end}");
            assert!(document.contains(&part), "{flag}: {part} in\n{document}");
        }
    }
}

#[tokio::test]
async fn markdown_report_starts_with_the_failure() {
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
    assert!(text.contains("- ok challenge (`challenge`): "), "{text}");
    assert!(
        run.stderr.contains("probed"),
        "the readable report goes to stderr"
    );
}

#[tokio::test]
async fn junit_report_counts_results_and_escapes_text() {
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

/// A server's text stays text in both documents.
#[tokio::test]
async fn server_text_is_escaped_in_markdown_and_junit_reports() {
    let server = OAuthServer::with(Fault::HostileStrings).await;
    for document in ["--markdown", "--junit"] {
        let run = probe(&[&server.url(), document]).await;
        let harmless = |character: char| character == '\n' || !character.is_control();
        assert!(run.stdout.chars().all(harmless), "{:?}", run.stdout);
    }
    let run = probe_fault(Fault::ToolError).await;
    assert!(!run.stdout.contains("<testsuite"), "only if requested");
}

#[tokio::test]
async fn two_report_formats_are_rejected() {
    let run = probe(&["http://localhost/mcp", "--json", "--junit"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
}

#[tokio::test]
async fn sarif_report_contains_only_failed_checks() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let run = probe(&[&server.url(), "--sarif"]).await;
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["ruleId"], "tools-call");
    assert_eq!(results[0]["level"], "error");
    let text = results[0]["message"]["text"].as_str().expect("text");
    assert!(text.contains("no API key is set"), "{text}");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), 1);
    assert_eq!(run["invocations"][0]["exitCode"], 1);
}

#[tokio::test]
async fn html_report_is_self_contained() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let run = probe(&[&server.url(), "--html"]).await;
    let page = &run.stdout;
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    for part in [
        "failed: tools/call",
        "<svg ",
        "POST /token authorization_code",
        "prefers-color-scheme: dark",
        "no API key is set",
        "curl -sS -i -X POST",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(part), "{part}");
    }
}

/// Each check contains its requests and responses; the fields are those of `docs/probe.md`.
#[tokio::test]
async fn json_report_has_only_documented_fields() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url(), "--json", "--trace"]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let documented = include_str!("../../docs/probe.md");
    let check = |value: &Value| {
        for name in value.as_object().expect("an object").keys() {
            assert!(
                documented.contains(&format!("`{name}`"))
                    || documented.contains(&format!("`{name}[]`")),
                "{name}"
            );
        }
    };
    check(&report);
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().for_each(check);
    let token = checks.iter().find(|check| check["id"] == "token");
    let request = &token.expect("a token")["requests"][0];
    check(request);
    check(&request["detail"]);
    assert_eq!(request["purpose"], "authorization_code");
    assert_eq!(request["status"], 200);
}

/// Every check that a probe can make is in the table of `docs/probe.md`.
#[tokio::test]
async fn every_check_is_documented() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[
        &server.url(),
        "--json",
        "--concurrent-refresh",
        "--as",
        "inspector",
    ])
    .await;
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let documented = include_str!("../../docs/probe.md");
    for check in report["checks"].as_array().expect("checks") {
        let id = format!("`{}`", check["id"].as_str().expect("an id"));
        assert!(documented.contains(&id), "{id}");
    }
}
