//! What a server under `mcpo dev` reports to it, and to the clients of the server that it replaces.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream, UdpSocket},
    os::unix::net::UnixDatagram,
    pin::pin,
    process::{Command, Stdio},
    time::Duration,
};

use mcpo_test_support::{
    client::TestClient,
    process::{SECRET, ServerProcess, free_port},
    wait,
};
use serde_json::{Map, Value, json};

const SELF_TEST_KEY: &str = "a key of this test";
const SERVER: &str = env!("CARGO_BIN_EXE_sample-server");

struct Parent {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Parent {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("ready")).unwrap();
        let timeout = Some(Duration::from_secs(5));
        socket.set_read_timeout(timeout).unwrap();
        Self { folder, socket }
    }

    async fn start(&self, under_dev: bool) -> ServerProcess {
        let path = self.folder.path().join("ready").display().to_string();
        let environment = [
            ("NOTIFY_SOCKET", &*path),
            ("MCPO_DEV", "1"),
            ("MCPO_DEV_SELF_TEST", SELF_TEST_KEY),
        ];
        let count = if under_dev { 3 } else { 1 };
        let environment = &environment[..count];
        ServerProcess::start_with_open_stdin(SERVER, free_port(), self.folder.path(), environment)
            .await
    }

    /// Returns all messages that arrived since the last call.
    fn messages(&self) -> String {
        self.socket.set_nonblocking(true).unwrap();
        let (mut buffer, mut messages) = (vec![0; 65536], String::new());
        while let Ok(length) = self.socket.recv(&mut buffer) {
            messages.push_str(&String::from_utf8_lossy(&buffer[..length]));
            messages.push('\n');
        }
        messages
    }
}

#[tokio::test]
async fn tools_are_reported_to_mcpo_dev_with_their_definitions() {
    let parent = Parent::new();
    let _server = parent.start(true).await;
    let messages = parent.messages();
    let report = |prefix: &str| {
        let line = messages.lines().find_map(|line| line.strip_prefix(prefix));
        line.unwrap().to_owned()
    };
    let tools: Value = serde_json::from_str(&report("X_MCPO_DEFINITIONS=")).unwrap();
    let tools = tools.as_array().unwrap();
    let names = report("X_MCPO_TOOLS=");
    assert_eq!(tools.len(), names.split(' ').count());
    assert!(
        tools
            .iter()
            .all(|tool| tool["inputSchema"]["type"] == "object")
    );
}

#[tokio::test]
async fn flow_steps_are_reported_to_mcpo_dev_without_secrets() {
    let parent = Parent::new();
    let server = parent.start(true).await;
    parent.messages();
    let client = TestClient::register(&server.base()).await;
    let mut messages = parent.messages();
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    client.can_call(access).await;
    messages.push_str(&parent.messages());

    let steps: Vec<Value> = messages
        .lines()
        .filter_map(|line| line.strip_prefix("X_MCPO_STEP="))
        .map(|step| serde_json::from_str(step).unwrap())
        .collect();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["registration", "authorization", "consent", "token", "mcp"]
    );
    assert_eq!(steps[0]["name"], "Test Client");
    assert_eq!(steps[0]["redirect_uri"], "http://127.0.0.1:1/callback");
    assert_eq!(steps[1]["redirect_uri"], "http://127.0.0.1:1/callback");
    assert_eq!(steps[3]["status"], 200);
    for secret in [
        access,
        tokens["refresh_token"].as_str().unwrap(),
        &client.id,
    ] {
        assert!(!messages.contains(secret));
    }
}

#[tokio::test]
async fn requests_of_a_probe_are_marked() {
    let parent = Parent::new();
    let server = parent.start(true).await;
    parent.messages();
    let url = format!("{}/mcp", server.base());
    let probe = mcpo_probe::Probe::new(url).with_tool("whoami", Map::new());
    let mut probe = pin!(probe.run());
    let mut messages = String::new();
    // The socket holds only a few messages.
    let report = loop {
        tokio::select! {
            report = &mut probe => break report.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                messages.push_str(&parent.messages());
            }
        }
    };
    assert!(
        matches!(report.exit(), mcpo_probe::Exit::Success),
        "{report:?}"
    );
    messages.push_str(&parent.messages());
    TestClient::register(&server.base()).await;
    messages.push_str(&parent.messages());
    let steps = messages
        .lines()
        .filter_map(|line| line.strip_prefix("X_MCPO_STEP="));
    let steps: Vec<Value> = steps
        .map(|step| serde_json::from_str(step).unwrap())
        .collect();
    let (last, of_probe) = steps.split_last().unwrap();
    assert!(of_probe.len() > 5, "{messages}");
    assert!(
        of_probe.iter().all(|step| step["probe"] == true),
        "{messages}"
    );
    assert_eq!(last["probe"], false);
}

#[tokio::test]
async fn server_outside_mcpo_dev_reports_no_steps() {
    let parent = Parent::new();
    let server = parent.start(false).await;
    TestClient::register(&server.base()).await.tokens().await;
    let messages = parent.messages();
    assert!(!messages.contains("X_MCPO_STEP"), "{messages}");
    assert!(!messages.contains("X_MCPO_CALL"), "{messages}");
}

#[tokio::test]
async fn tool_calls_are_reported_to_mcpo_dev_and_the_log_of_its_own_calls_is_held_back() {
    let parent = Parent::new();
    let server = parent.start(true).await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    parent.messages();
    for (key, is_own) in [(SELF_TEST_KEY, true), ("another key", false)] {
        let call = client.call(access, "break_down", &json!({ "password": "secret words" }));
        let call = call.header("x-mcpo-self-test", key);
        call.send().await.unwrap().text().await.unwrap();
        let messages = parent.messages();
        let mut lines = messages.lines();
        let call = lines.find_map(|line| line.strip_prefix("X_MCPO_CALL="));
        let call: Value = serde_json::from_str(call.expect(&messages)).unwrap();
        assert_eq!(call["tool"], "break_down");
        assert_eq!(call["arguments"], r#"{"password":"<12 characters>"}"#);
        assert_eq!(call["outcome"], "error");
        assert_eq!(call["client"], "Test Client");
        assert_eq!(call["self_test"], is_own);
        let held = messages
            .lines()
            .filter(|line| line.starts_with("X_MCPO_LOG=") && line.contains("tool panicked"));
        assert_eq!(held.count(), usize::from(is_own), "{messages}");
    }
    client.can_call(access).await;
    let messages = parent.messages();
    assert!(messages.contains(r#""result":"3""#), "{messages}");
    assert!(messages.contains(r#""outcome":"ok""#), "{messages}");
}

#[tokio::test]
async fn stopping_server_notifies_older_sessions_of_changed_tools() {
    let parent = Parent::new();
    let server = parent.start(true).await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let token = tokens["access_token"].as_str().unwrap();
    let url = format!("{}/mcp", server.base());
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    } });
    let begun = client
        .http
        .post(&url)
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .json(&initialize);
    let begun = begun.send().await.unwrap();
    let session = begun.headers()["mcp-session-id"].clone();
    let capabilities = begun.text().await.unwrap();
    assert!(
        capabilities.contains(r#""tools":{"listChanged":true}"#),
        "{capabilities}"
    );
    let event_stream = client
        .http
        .get(&url)
        .bearer_auth(token)
        .header("accept", "text/event-stream")
        .header("mcp-session-id", session);
    let mut event_stream = event_stream.send().await.unwrap();
    assert!(event_stream.status().is_success());

    wait::signal("TERM", server.pid());
    let mut messages = String::new();
    while let Some(chunk) = event_stream.chunk().await.unwrap() {
        messages.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(
        messages.ends_with("\"method\":\"notifications/tools/list_changed\"}\n\n"),
        "{messages}"
    );
}

/// Simulates an `mcpo dev` that cannot pass a socket. It receives the server's messages on the
/// loopback interface and forwards connections to the address that the server reports.
#[tokio::test]
async fn proxied_server_reports_its_address_and_answers_open_connections() {
    let folder = tempfile::tempdir().unwrap();
    let parent = UdpSocket::bind("127.0.0.1:0").unwrap();
    parent
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let channel = format!("{} sesame", parent.local_addr().unwrap());
    let mut child = Command::new(SERVER)
        .env_remove("ADMIN_PASSWORD")
        .env_remove("BASE_URL")
        .env("MCPO_SECRET", SECRET)
        .env("MCPO_STATE_DIR", folder.path())
        .env("MCPO_DEV", "1")
        .env("MCPO_DEV_WIRE", channel)
        // This port belongs to `mcpo dev`; the server must not listen on it.
        .env("PORT", "9")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();

    let mut address = None;
    let mut buffer = vec![0; 65536];
    loop {
        let length = parent.recv(&mut buffer).unwrap();
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let message = message.strip_prefix("sesame\n").unwrap();
        address = message
            .strip_prefix("X_MCPO_ADDRESS=")
            .map(|message| message.parse::<SocketAddr>().unwrap())
            .or(address);
        if message == "READY=1" {
            break;
        }
    }
    let address = address.unwrap();
    assert!(address.ip().is_loopback() && address.port() != 9);
    let metadata = "/.well-known/oauth-authorization-server";
    let metadata = fetch(TcpStream::connect(address).unwrap(), metadata);
    assert!(
        metadata.contains(r#""issuer":"http://localhost:9""#),
        "{metadata}"
    );

    // The connections are established, but may not be accepted yet when the server must stop.
    let streams: Vec<_> = (0..50)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    drop(child.stdin.take());
    for stream in streams {
        let answer = fetch(stream, "/health");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    }
    assert!(child.wait().unwrap().success());
}

/// Sends a request as a client that connected to the port of `mcpo dev`.
fn fetch(mut stream: TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:9\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
