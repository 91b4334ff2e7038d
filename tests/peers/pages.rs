//! The pages in Chromium, driven by `pages.mjs` and `audit.mjs`.

use std::{process::Stdio, sync::Arc, time::Duration};

use mcpo_runtime::{BaseUrl, Config};
use mcpo_test_support::{acme::Acme, server::TestServer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

use super::{FOLDER, PASSWORD, node, node_program};

/// The screenshots are kept after the run.
const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/pages");
const CHECKS: usize = 15;
const AUDITED: usize = 8;

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

/// Screenshots of every page, narrow and wide, light and dark; axe finds no violation.
#[tokio::test(flavor = "multi_thread")]
async fn as12_every_page_is_accessible_in_chromium() {
    let start = async |change: fn(Config) -> Config| {
        TestServer::start_serving(Acme, "127.0.0.1:0", Arc::default(), |config| {
            let config = config
                .with_password(PASSWORD)
                .with_privacy_url("https://acme.example/privacy")
                .with_support_url("mailto:help@acme.example");
            change(config)
        })
        .await
    };
    let local = start(|config| config).await;
    let public = start(|config| {
        let base = BaseUrl::parse("https://acme.example").unwrap();
        config.with_base_url(base).with_accent_color("#7a1fa2")
    })
    .await;
    let arguments = [&*local.base(), &public.base(), PASSWORD, SCREENSHOTS];
    let printed = node("audit.mjs", &arguments).await;
    assert_eq!(printed.matches("passed: ").count(), AUDITED, "{printed}");
}
