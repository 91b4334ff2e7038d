//! What scripts rely on: JSON, exit codes, help, invalid arguments, Ctrl-C.

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{Fault, OAuthServer};
use serde_json::Value;

use crate::support::probe;

#[tokio::test]
async fn json_goes_to_stdout_and_the_readable_report_to_stderr() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let run = probe(&[&server.url(), "--json"]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("one JSON document");
    assert_eq!(run.code, Some(1));
    assert_eq!(
        (&report["schema"], &report["verdict"], &report["exit_code"]),
        (&1.into(), &"failed".into(), &1.into())
    );
    assert_eq!(report["target"], server.url());
    let checks = report["checks"].as_array().expect("checks");
    let failed: Vec<&Value> = checks
        .iter()
        .filter(|check| check["verdict"] == "fail")
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["id"], "tools-call");
    assert_eq!(failed[0]["seen"], "whoami: no API key is set");
    assert!(
        failed[0]["clause"].is_string()
            && failed[0]["hint"].is_string()
            && failed[0]["elapsed_ms"].is_f64()
    );
    assert!(run.stderr.contains("failed: tools/call"));
}

#[tokio::test]
async fn json_reports_could_not_run() {
    let run = probe(&["http://127.0.0.1:1/mcp", "--json"]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("one JSON document");
    assert_eq!(
        (run.code, &report["verdict"]),
        (Some(2), &"could-not-run".into())
    );
}

#[tokio::test]
async fn invalid_arguments_are_rejected_with_help() {
    let mut answers = Vec::new();
    for arguments in [
        &["localhost:8080/mcp"][..],
        &["example.com"],
        &["https://user:pw@example.com/mcp"],
        &["https://example.com/mcp#tools"],
        &["http://localhost/mcp", "--tool", "t", "--args", "[1]"],
    ] {
        let run = probe(arguments).await;
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}"
        );
        answers.push(run.stderr);
    }
    assert_snapshot!(answers.join("\n"), @r#"
    error: failed to read "localhost:8080/mcp" as an address
    help: mcpo probe http://localhost:8080/mcp

    error: failed to read "example.com" as an address
      because: relative URL without a base
    help: mcpo probe https://example.com/

    error: failed to read "https://user:pw@example.com/mcp" as an address
    help: leave out the user name: MCP clients send a bearer token

    error: failed to read "https://example.com/mcp#tools" as an address
    help: leave out the part after #: it is never sent (RFC 8707 §2)

    error: failed to read --args as a JSON object
      because: invalid type: sequence, expected a map at line 1 column 0
    help: for example: --args '{"city": "Berlin"}'
    "#);
}

/// C13.
#[tokio::test]
async fn http_address_of_another_machine_fails_the_address_check() {
    let run = probe(&["http://192.0.2.1/mcp"]).await;
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(
        run.stdout.contains("FAIL") && run.stdout.contains("serve it over https"),
        "{}",
        run.stdout
    );
}

#[tokio::test]
async fn help_shows_examples_and_exit_codes() {
    let run = probe(&["--help"]).await;
    assert_eq!(run.code, Some(0));
    for part in [
        "Examples:",
        "MCPO_PROBE_PASSWORD=",
        "--browser",
        "--reuse",
        "--watch=5m",
        "--html",
        "Exit codes:",
    ] {
        assert!(run.stdout.contains(part), "{part}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_exits_with_130_and_prints_nothing() {
    use std::process::Stdio;

    // Accepts the connection and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", silent.local_addr().unwrap());
    let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["probe", &url, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let (accepted, silent) =
        tokio::task::spawn_blocking(move || (silent.accept().unwrap(), silent))
            .await
            .unwrap();
    let pid = child.id().expect("running").to_string();
    let kill = tokio::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .await
        .unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty());
    drop((accepted, silent));
}
