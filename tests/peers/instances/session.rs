//! Sessions of the older protocol live in one instance and end with it.

use std::process::Stdio;

use mcpo_test_support::process::{ServerProcess, free_port};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

use super::{SERVER, Service};
use crate::{FOLDER, node, node_program};

#[tokio::test]
async fn rs10_lost_session_is_initialized_again_on_another_instance() {
    let (service, _none) = Service::start(0).await;
    let port = free_port();
    let address = format!("http://localhost:{port}");
    let redis = service.redis.url();
    let environment = [("BASE_URL", &*address), ("MCPO_LEDGER", &*redis)];
    let folder = service.folder.path();
    let first = ServerProcess::start(SERVER, port, folder, &environment).await;
    let (url, state_file) = (format!("{address}/mcp"), folder.join("client.json"));
    let state_file = state_file.to_str().unwrap();
    node("sdk-client.mjs", &[&url, state_file, "whoami"]).await;

    let mut session = Command::new(node_program())
        .arg(format!("{FOLDER}/sdk-session.mjs"))
        .args([&*url, state_file])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(session.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
    first.kill();
    // Another instance takes its place, as if a load balancer had sent the client there.
    let _second = ServerProcess::start(SERVER, port, folder, &environment).await;
    let mut stdin = session.stdin.take().unwrap();
    stdin.write_all(b"go on\n").await.unwrap();
    let line = lines.next_line().await.unwrap().expect("an outcome");
    let outcome: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(outcome["lost"], 404, "not a reason to sign in again");
    assert_eq!(outcome["text"], "local-user through SDK client");
}
