//! Both protocol forms behind the bearer check.

use mcpo_test_support::{client::TestClient, server::TestServer};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

struct Session {
    client: TestClient,
    token: String,
}

impl Session {
    async fn new(server: &TestServer) -> Self {
        let client = TestClient::register(&server.base()).await;
        let token = client.tokens().await["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { client, token }
    }

    fn post(&self, body: &Value) -> RequestBuilder {
        self.client
            .http
            .post(format!("{}/mcp", self.client.base))
            .bearer_auth(&self.token)
            .header("accept", "application/json, text/event-stream")
            .json(body)
    }

    async fn initialize(&self) -> Response {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" },
            },
        });
        self.post(&body).send().await.unwrap()
    }
}

fn session_id(response: &Response) -> String {
    response.headers()["mcp-session-id"]
        .to_str()
        .unwrap()
        .to_owned()
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments },
    })
}

#[tokio::test]
async fn rs10_stateless_calls_succeed_and_a_tool_panic_is_isolated() {
    let server = TestServer::start().await;
    let session = Session::new(&server).await;
    let call_tool = async |tool: &str, arguments: Value| {
        let request = session.client.call(&session.token, tool, &arguments);
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    let (status, text) = call_tool("add", json!({ "a": 20, "b": 22 })).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("42"), "{text}");
    let (_, text) = call_tool("whoami", json!({})).await;
    assert!(text.contains("local-user through Test Client"), "{text}");
    // A panic is an error of that call only; the server keeps running.
    let (_, text) = call_tool("break_down", json!({})).await;
    assert!(text.contains("the tool panicked"), "{text}");
    let (status, _) = call_tool("add", json!({ "a": 1, "b": 1 })).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn rs10_session_of_the_older_protocol_serves_calls() {
    let server = TestServer::start().await;
    let session = Session::new(&server).await;
    let response = session.initialize().await;
    assert_eq!(response.status(), StatusCode::OK);
    let id = session_id(&response);
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let response = session
        .post(&initialized)
        .header("mcp-session-id", &id)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let response = session
        .post(&call("whoami", &json!({})))
        .header("mcp-session-id", &id)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.text().await.unwrap();
    assert!(text.contains("local-user through Test Client"), "{text}");
}

#[tokio::test]
async fn rs10_unknown_session_gets_404() {
    let server = TestServer::start().await;
    let session = Session::new(&server).await;
    let id = session_id(&session.initialize().await);
    let unknown_id = "0f0e0d0c-0b0a-4908-8706-050403020100";
    for lost in [
        unknown_id,
        &format!("{unknown_id}.AAAAAAAAAAAAAAAAAAAAAA"),
        &id.replace('.', ""),
    ] {
        let request = session.post(&call("add", &json!({ "a": 1, "b": 1 })));
        let response = request.header("mcp-session-id", lost).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{lost}");
    }
}

#[tokio::test]
async fn rs10_session_that_its_client_ends_is_gone() {
    let server = TestServer::start().await;
    let session = Session::new(&server).await;
    let id = session_id(&session.initialize().await);
    let url = format!("{}/mcp", session.client.base);
    let end = session.client.http.delete(url).bearer_auth(&session.token);
    let response = end.header("mcp-session-id", &id).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let call = session.post(&call("add", &json!({ "a": 1, "b": 1 })));
    let response = call.header("mcp-session-id", &id).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn call_in_progress_completes_during_shutdown() {
    let server = TestServer::start().await;
    let session = Session::new(&server).await;
    let request = session
        .client
        .call(&session.token, "wait", &json!({ "milliseconds": 400 }));
    let call = tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() });
    // When a later call on another connection is answered, this call has arrived.
    session.client.can_call(&session.token).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    server.stop().await;
    let text = call.await.unwrap();
    assert!(text.contains("done"), "{text}");
}

#[tokio::test]
async fn idle_event_stream_does_not_delay_shutdown() {
    let server = TestServer::start().await;
    let session = Session::new(&server).await;
    let id = session_id(&session.initialize().await);
    let stream = session
        .client
        .http
        .get(format!("{}/mcp", session.client.base))
        .bearer_auth(&session.token)
        .header("accept", "text/event-stream")
        .header("mcp-session-id", id)
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let began = std::time::Instant::now();
    server.stop().await;
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    drop(stream);
}

#[tokio::test]
async fn kept_alive_connection_gets_one_more_response_during_shutdown() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = TestServer::start().await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    // An unused connection does not delay the stop.
    let unused = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut buffer = [0; 4096];
    stream.write_all(request).await.unwrap();
    let length = stream.read(&mut buffer).await.unwrap();
    let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!answer.contains("connection: close"), "{answer}");

    let began = std::time::Instant::now();
    let stopping = tokio::spawn(server.stop());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    stream.write_all(request).await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let answer = String::from_utf8_lossy(&rest).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    stopping.await.unwrap();
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    drop(unused);
}
