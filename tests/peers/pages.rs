//! The pages in Chromium, driven by `pages.mjs`.

use std::{process::Stdio, time::Duration};

use mcpo_test_support::server::TestServer;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

use super::{FOLDER, PASSWORD, node_program};

/// The screenshots are kept after the run.
const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/pages");
const CHECKS: usize = 17;

#[tokio::test(flavor = "multi_thread")]
async fn as6_as12_rs9_pages_work_in_chromium() {
    let server =
        TestServer::start_with(|config| config.with_password(PASSWORD).with_title("My service"))
            .await;
    let mut browser = Command::new(node_program())
        .arg(format!("{FOLDER}/pages.mjs"))
        .args([&server.base(), PASSWORD, SCREENSHOTS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = browser.stdin.take().unwrap();
    let mut lines = BufReader::new(browser.stdout.take().unwrap()).lines();
    let mut passed = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.starts_with("wait: ") {
            server.clock.advance(Duration::from_secs(11 * 60));
            stdin.write_all(b"done\n").await.unwrap();
        } else if let Some(name) = line.strip_prefix("passed: ") {
            passed.push(name.to_owned());
        }
    }
    let status = browser.wait().await.unwrap();
    assert!(status.success(), "after {passed:#?}");
    assert_eq!(passed.len(), CHECKS, "{passed:#?}");
}
