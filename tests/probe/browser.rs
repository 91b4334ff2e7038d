//! `--browser`: the user's own browser, replaced by a program that only records the URL.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Stdio, time::Duration};

use mcpo_test_support::{
    client::{browser, location},
    oauth_server::OAuthServer,
};
use tokio::process::Command;
use url::Url;

/// Returns the URL that the browser was opened with, once it has been.
async fn opened_url(url_file: &Path) -> Url {
    for _ in 0..200 {
        if let Some(url) = std::fs::read_to_string(url_file)
            .ok()
            .and_then(|text| Url::parse(text.trim()).ok())
        {
            return url;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no browser was opened");
}

#[tokio::test]
async fn browser_is_started_without_a_shell_and_its_redirect_is_received() {
    let server = OAuthServer::healthy().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (program, url_file) = (folder.path().join("browser"), folder.path().join("note"));
    // Written elsewhere and moved, so that a partial file is never read.
    let script = "#!/bin/sh\nprintf '%s' \"$1\" > \"$0.part\" && mv \"$0.part\" \"$(dirname \"$0\")/note\"\n";
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a mode");

    let child = Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["probe", "-v", "--browser", &server.url()])
        .env("BROWSER", &program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary runs");
    let authorize = opened_url(&url_file).await;
    let client = browser();
    let form: Vec<(String, String)> = authorize
        .query_pairs()
        .into_owned()
        .chain([("decision".into(), "allow".into())])
        .collect();
    let consent = authorize.join("/consent").expect("a URL");
    let consented = client
        .post(consent)
        .form(&form)
        .send()
        .await
        .expect("a redirect");
    let callback_response = client
        .get(location(&consented))
        .send()
        .await
        .expect("the listener answers");
    assert_eq!(callback_response.status(), 200);
    assert!(
        callback_response
            .text()
            .await
            .expect("a page")
            .contains("Go back to the terminal")
    );
    let output = child.wait_with_output().await.expect("an end");
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("the browser came back"), "{report}");
}

#[tokio::test]
async fn missing_browser_is_reported_as_could_not_run() {
    let server = OAuthServer::healthy().await;
    let output = Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["probe", "--browser", &server.url()])
        .env_clear()
        .env("BROWSER", "/nowhere/browser")
        .env("PATH", "/nowhere")
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the binary runs");
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{report}");
    assert!(report.contains("leave out --browser"), "{report}");
}
