//! Limits that protect clients from each other: memory, connections, sessions, attempts.

use std::{fs, net::IpAddr, time::Duration};

use mcpo_test_support::{
    client::{TestClient, answer},
    process::{ServerProcess, free_port},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// Returns the resident memory of a process, in bytes.
#[cfg(target_os = "linux")]
fn resident_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

/// Starts a request to `path` and sends its body in `chunks` of one byte each, without an end.
async fn start_endless_request(port: u16, path: &str, token: &str, chunks: usize) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost:{port}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..chunks {
        if stream.write_all(b"1\r\na\r\n").await.is_err() {
            break;
        }
        // Each chunk should be read separately.
        tokio::task::yield_now().await;
    }
    stream
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn bodies_in_tiny_chunks_use_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_sample-server");
    let port = free_port();
    let server = ServerProcess::start(program, port, folder.path(), &[]).await;
    let client = TestClient::register(&server.base()).await;
    let token = client.tokens().await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let before = resident_memory(server.pid());
    for path in [
        "/consent",
        "/sign-in",
        "/token",
        "/register",
        "/revoke",
        "/introspect",
        "/mcp",
    ] {
        let clients = (0..4).map(|_| start_endless_request(port, path, &token, 8000));
        let open = futures_util::future::join_all(clients).await;
        let grown = resident_memory(server.pid()).saturating_sub(before);
        assert!(grown < 8 * 1024 * 1024, "{path}: {grown} bytes more");
        drop(open);
    }
}

#[tokio::test]
async fn endless_body_gets_408_after_the_deadline() {
    let server = TestServer::start().await;
    let mut stream = start_endless_request(server.address.port(), "/token", "", 1).await;
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(40), read)
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("not complete within 15 seconds"),
        "{answer}"
    );
}

#[tokio::test]
async fn oversized_headers_get_431() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let with_header = async |len: usize| {
        let request = client.http.get(format!("{}/health", client.base));
        let request = request.header("x-long", "x".repeat(len));
        request.send().await.map(|response| response.status())
    };
    assert_eq!(with_header(60 * 1024).await.unwrap(), StatusCode::OK);
    for len in [66 * 1024, 100 * 1024, 200 * 1024] {
        // hyper may close the connection before everything was sent.
        if let Ok(status) = with_header(len).await {
            assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{len}");
        }
    }
}

async fn connect_from(source: &str, port: u16) -> std::io::Result<TcpStream> {
    let source: IpAddr = source.parse().unwrap();
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(([127, 0, 0, 1], port).into()).await
}

/// On Linux, every address of 127.0.0.0/8 belongs to this machine.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn as21_connection_limit_of_one_address_does_not_affect_others() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_sample-server");
    let port = free_port();
    let server = ServerProcess::start(program, port, folder.path(), &[]).await;
    let wanted = 1500;
    assert!(
        rlimit::increase_nofile_limit(wanted + 500).unwrap() >= wanted + 100,
        "could not run: the limit of open files is too low"
    );
    let mut open = Vec::new();
    for _ in 0..wanted {
        let mut stream = connect_from("127.0.0.9", port).await.unwrap();
        let begun = format!(
            "POST /consent HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-length: 9\r\n\r\n"
        );
        let _ = stream.write_all(begun.as_bytes()).await;
        open.push(stream);
    }
    // The next connection gets the reason, unless too many rejections are being written.
    let answer = loop {
        let mut stream = connect_from("127.0.0.9", port).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        if !answer.is_empty() {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    let reason = "too many connections from 127.0.0.9: at most 1024";
    assert!(answer.contains(reason), "{answer}");
    // Another address completes the whole flow.
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(token).await, StatusCode::OK);
    drop(open);
}

async fn initialize(client: &TestClient, token: &str, padding: usize) -> (StatusCode, Value) {
    let request = client
        .http
        .post(format!("{}/mcp", client.base))
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .json(&json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "x".repeat(padding), "version": "1" },
            },
        }));
    answer(request).await
}

#[tokio::test]
async fn rs10_session_limit_of_a_user_returns_429() {
    let server = TestServer::start_with(|config| config.with_password("open sesame")).await;
    let client = TestClient::register(&server.base()).await;
    let url = client
        .sign_in_and_allow(&client.request(), Some("open sesame"))
        .await;
    let code = mcpo_test_support::client::query_of(&url, "code").unwrap();
    let (_, tokens) = client.token(&client.exchange(&code)).await;
    let token = tokens["access_token"].as_str().unwrap();
    for _ in 0..64 {
        let (status, _) = initialize(&client, token, 1).await;
        assert_eq!(status, StatusCode::OK);
    }
    let (status, body) = initialize(&client, token, 1).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let description = body["error_description"].as_str().unwrap();
    assert!(description.contains("64 sessions"), "{description}");
    let (status, body) = initialize(&client, token, 70 * 1024).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
}

#[tokio::test]
async fn as13_valid_refresh_succeeds_while_invalid_ones_are_rate_limited() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let mut refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    let mut refused = 0;
    for number in 0..700 {
        let (status, body) = client.refresh(&format!("mcpo_rt_{number}")).await;
        refused += u32::from(status == StatusCode::TOO_MANY_REQUESTS);
        assert!(status.is_client_error(), "{body}");
        if number % 100 == 0 {
            let (status, body) = client.refresh(&refresh).await;
            assert_eq!(status, StatusCode::OK, "after {number}: {body}");
            refresh = body["refresh_token"].as_str().unwrap().to_owned();
        }
    }
    assert!(refused > 0, "junk is limited");
}

#[tokio::test]
async fn trailing_slash_gets_404_with_the_correct_url() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let (status, body) = answer(client.http.post(format!("{}/mcp/", server.base()))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let description = body["error_description"].as_str().unwrap();
    assert!(
        description.contains(&format!("{}/mcp,", server.base())),
        "{description}"
    );
}

/// A stream that only waits for notifications must end when the grant ends.
#[tokio::test]
async fn as20_event_stream_ends_when_its_grant_is_revoked() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let tokens = client.tokens().await;
    let token = tokens["access_token"].as_str().unwrap();
    let initialize = client
        .http
        .post(format!("{}/mcp", client.base))
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .json(&json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" },
            },
        }));
    let response = initialize.send().await.unwrap();
    let session = response.headers()["mcp-session-id"].clone();
    let stream = client
        .http
        .get(format!("{}/mcp", client.base))
        .bearer_auth(token)
        .header("accept", "text/event-stream")
        .header("mcp-session-id", session);
    let stream = stream.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("token", refresh), ("client_id", client.id.as_str())];
    let revoked = client.submit("/revoke", &fields).await;
    assert_eq!(revoked.status(), StatusCode::OK);
    let end = tokio::time::timeout(Duration::from_secs(60), stream.bytes());
    assert!(end.await.is_ok(), "the stream is still open");
}
