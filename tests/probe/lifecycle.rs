//! What must survive a restart.

use mcpo_test_support::{
    oauth_server::{OAuthServer, Settings, Vulnerability},
    server::TestServer,
};
use serde_json::Value;

use crate::support::probe;

/// Returns the ids of the checks that did not pass, with `--restart`.
async fn failed_restart_checks(vulnerability: Option<Vulnerability>) -> Vec<String> {
    let server = OAuthServer::start(Settings {
        vulnerability,
        ..Settings::default()
    })
    .await;
    let request = "POST /restart HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n";
    let port = server.port();
    let restart =
        format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; printf \"{request}\" >&3; cat <&3'");
    let run = probe(&[&server.url(), "--json", "--restart", &restart]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    let checks = report["checks"].as_array().expect("checks").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    checks
        .filter(|check| !["pass", "skipped"].contains(&text(&check["verdict"]).as_str()))
        .map(|check| text(&check["id"]))
        .collect()
}

#[tokio::test]
async fn state_lost_by_a_restart_is_reported() {
    assert_eq!(failed_restart_checks(None).await, [""; 0]);
    assert_eq!(
        failed_restart_checks(Some(Vulnerability::ForgetsAccess)).await,
        ["restart-access"]
    );
    assert_eq!(
        failed_restart_checks(Some(Vulnerability::ForgetsRefresh)).await,
        ["restart-refresh"]
    );
    // A refresh needs the client too.
    let clients = ["restart-refresh", "restart-client"];
    assert_eq!(
        failed_restart_checks(Some(Vulnerability::ForgetsClients)).await,
        clients
    );
}

#[tokio::test]
async fn failed_restart_command_is_reported_as_could_not_run() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url(), "--restart", "exit 3"]).await;
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(
        run.stdout.contains("the --restart command failed"),
        "{}",
        run.stdout
    );
}

#[tokio::test]
async fn concurrent_refresh_passes_with_a_grace_period_and_fails_without() {
    let server = TestServer::start().await;
    let url = format!("{}/mcp", server.base());
    let run = probe(&[&url, "--tool", "whoami", "--concurrent-refresh"]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stdout.contains("both answered"), "{}", run.stdout);
    // This server rotates without a grace period.
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url(), "--concurrent-refresh"]).await;
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(
        run.stdout.contains("FAIL") && run.stdout.contains("concurrent refresh"),
        "{}",
        run.stdout
    );
}
