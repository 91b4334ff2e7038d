//! The server's description of itself: clients get all of it, and missing parts are reported at
//! start.

use std::{
    io,
    sync::{Arc, Mutex},
};

use mcpo_runtime::{BaseUrl, Config, Server};
use mcpo_test_support::{
    client::{TestClient, answer},
    fixture::Fixture,
    sample::Sample,
    server::{TestServer, test_keys},
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
        PaginatedRequestParams, Resource, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Asserts that a response contains the whole card: title, version, icon and instructions.
fn assert_is_whole(info: &Value, instructions: &Value) {
    assert_eq!(info["title"], "Sample", "{info}");
    assert_eq!(info["version"], "1.2.3", "{info}");
    let icon = info["icons"][0]["src"].as_str().unwrap();
    assert!(icon.starts_with("data:image/svg+xml"), "{icon}");
    assert_eq!(instructions, "Tools to test with.");
}

#[tokio::test]
async fn rs10_server_card_is_sent_in_both_protocol_forms() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let token = client.tokens().await["access_token"].clone();
    let post = |body: &Value| {
        let request = client.http.post(format!("{}/mcp", client.base));
        request
            .bearer_auth(token.as_str().unwrap())
            .header("accept", "application/json, text/event-stream")
            .json(body)
    };

    let discover = json!({
        "jsonrpc": "2.0", "id": 1, "method": "server/discover",
        "params": { "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        } },
    });
    let request = post(&discover)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "server/discover");
    let (_, discovered) = answer(request).await;
    let result = &discovered["result"];
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_is_whole(info, &result["instructions"]);

    let initialize = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        },
    });
    let events = post(&initialize)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let mut data = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let message = data.find(|data| data.contains("serverInfo")).unwrap();
    let message: Value = serde_json::from_str(message).unwrap();
    let result = &message["result"];
    assert_is_whole(&result["serverInfo"], &result["instructions"]);
}

/// Returns why a server with this handler does not start, or an empty string if it starts.
async fn refusal(handler: impl ServerHandler) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = BaseUrl::parse("http://localhost:8080").unwrap();
    let server = Server::new(handler, Config::new(base, test_keys()));
    match server.serve_on(listener, async {}).await {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    }
}

type Context = RequestContext<RoleServer>;
type Page = Option<PaginatedRequestParams>;

/// Implements resources, and announces the given capabilities.
struct Resources(ServerCapabilities);

impl ServerHandler for Resources {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(self.0.clone())
    }

    async fn list_resources(&self, _: Page, _: Context) -> Result<ListResourcesResult, ErrorData> {
        let motto = Resource::new("test://motto", "motto");
        Ok(ListResourcesResult::with_all_items(vec![motto]))
    }
}

/// Implements resource templates, although there are none at the moment.
struct Templates;

impl ServerHandler for Templates {
    async fn list_resource_templates(
        &self,
        _: Page,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(Vec::new()))
    }
}

/// Implements prompts for known callers.
struct Prompts;

impl ServerHandler for Prompts {
    async fn list_prompts(&self, _: Page, _: Context) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::internal_error("sign in first", None))
    }
}

#[tokio::test]
async fn server_with_undeclared_capabilities_does_not_start() {
    let tools = ServerCapabilities::builder().enable_tools().build();
    for (output, method, line) in [
        (
            refusal(Resources(tools)).await,
            "resources/list",
            "ServerCapabilities::builder().enable_resources().enable_tools().build()",
        ),
        (
            refusal(Templates).await,
            "resources/templates/list",
            "ServerCapabilities::builder().enable_resources().build()",
        ),
        (
            refusal(Prompts).await,
            "prompts/list",
            "ServerCapabilities::builder().enable_prompts().build()",
        ),
    ] {
        assert!(
            output.contains(&format!("implements {method} but")),
            "{output}"
        );
        assert!(output.contains(line), "{output}");
    }
}

#[tokio::test]
async fn server_with_declared_capabilities_starts() {
    let resources = ServerCapabilities::builder().enable_resources().build();
    assert_eq!(refusal(Resources(resources)).await, "");
    assert_eq!(refusal(Sample).await, "");
    assert_eq!(refusal(Fixture::default()).await, "");
}

/// Collects the log of a test.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the warnings of a start.
async fn warnings(handler: impl ServerHandler) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    assert_eq!(refusal(handler).await, "");
    drop(guard);
    let written = lines.0.lock().unwrap().clone();
    String::from_utf8(written).unwrap()
}

#[tokio::test]
async fn missing_server_card_fields_are_logged_at_startup() {
    let output = warnings(Fixture::default()).await;
    for (event, field) in [
        (
            "the server has no instructions for the model",
            "with_instructions",
        ),
        ("the server has no title for people", "with_title"),
        ("the server has no icon for people", "with_icons"),
    ] {
        let mut lines = output.lines().filter(|line| line.contains(event));
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("{event} in {output}"));
        assert!(line.contains(field) && lines.next().is_none(), "{output}");
    }
    assert_eq!(warnings(Sample).await, "");
}
