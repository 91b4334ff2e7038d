//! Repeated probes, and first responses after a pause.

use mcpo_test_support::oauth_server::{OAuthServer, Settings, Vulnerability};

use crate::support::probe;

#[tokio::test]
async fn each_change_is_reported_once_and_runs_the_alert() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("alerts");
    let server = OAuthServer::start(Settings {
        vulnerability: Some(Vulnerability::ForgetsRefresh),
        ..Settings::default()
    })
    .await;
    let url = server.url();
    let alert = format!(
        "printf '%s %s\\n' \"$MCPO_PROBE_EXIT\" \"$MCPO_PROBE_CHANGES\" >> {}",
        log.display()
    );
    let watched = tokio::spawn(async move {
        let arguments = [&url, "--watch=0.4", "--rounds", "3", "--alert", &alert];
        probe(&arguments).await
    });
    // Between the first probe and the second.
    while !server
        .requests()
        .iter()
        .any(|line| line.starts_with("DELETE"))
    {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    server.restart().await;
    let run = watched.await.unwrap();
    // After signing in again, it works again.
    assert_eq!(run.stderr.matches("alert").count(), 2, "{}", run.stderr);
    for change in ["kept-refresh skipped → fail", "kept-refresh fail → pass"] {
        assert!(run.stderr.contains(change), "{}", run.stderr);
    }
    let alerts = std::fs::read_to_string(log).unwrap();
    assert!(alerts.starts_with("1 kept-refresh"), "{alerts}");
}

#[tokio::test]
async fn unchanged_results_cause_no_alert() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url(), "--watch=0.05", "--rounds", "5"]).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("alert"), "{}", run.stderr);
    // One report and one registration: later probes use what the first one left.
    assert_eq!(run.stdout.matches("probed").count(), 1);
    let requests = server.requests();
    let registered = requests.iter().filter(|line| *line == "POST /register");
    assert_eq!(registered.count(), 1);
}

#[tokio::test]
async fn cold_start_is_compared_with_the_clients_time_limit() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url(), "--cold=0.2"]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stdout.contains("cold start"), "{}", run.stdout);
    for (milliseconds, code, word) in [(700, 0, "warn"), (1_200, 1, "FAIL")] {
        let server = OAuthServer::start(Settings {
            cold_start_delay: Some(std::time::Duration::from_millis(milliseconds)),
            ..Settings::default()
        })
        .await;
        let run = probe(&[&server.url(), "--cold=0.6", "--timeout", "1"]).await;
        assert_eq!(run.code, Some(code), "{}", run.stdout);
        let line = run
            .stdout
            .lines()
            .find(|line| line.contains(" ms  cold start"));
        assert!(line.unwrap().contains(word), "{}", run.stdout);
    }
}
