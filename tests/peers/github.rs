//! The official SDK as the client and Chromium as the browser of a user who signs in with GitHub.

use std::{process::Stdio, sync::Arc};

use mcpo_test_support::{caller_tools::CallerTools, github::GitHub, server::TestServer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

use super::{FOLDER, node_program};

const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/pages");

#[tokio::test(flavor = "multi_thread")]
async fn up1_up7_chromium_signs_in_with_github() {
    let github = GitHub::start().await;
    github.add_account("octocat", 583_231);
    github.add_account("stranger", 7);
    let login = github.login().allow_logins(&["octocat"]).unwrap();
    let server = TestServer::start_serving(CallerTools, "127.0.0.1:0", Arc::default(), |config| {
        config.with_login(login).with_title("My service")
    })
    .await;
    github.set_callback(&server.base());
    let mut browser = Command::new(node_program())
        .arg(format!("{FOLDER}/github.mjs"))
        .args([&server.base(), &github.url(), SCREENSHOTS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = browser.stdin.take().unwrap();
    let mut lines = BufReader::new(browser.stdout.take().unwrap()).lines();
    let mut passed = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line == "wait: the user removes the app at GitHub" {
            github.revoke_everything();
            stdin.write_all(b"done\n").await.unwrap();
        } else if let Some(name) = line.strip_prefix("passed: ") {
            passed.push(name.to_owned());
        }
    }
    let status = browser.wait().await.unwrap();
    assert!(status.success(), "after {passed:#?}");
    assert_eq!(passed.len(), 4, "{passed:#?}");
    assert_eq!(github.violations(), Vec::<String>::new());
}
