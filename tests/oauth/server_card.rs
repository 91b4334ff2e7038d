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
use reqwest::RequestBuilder;
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

fn post(client: &TestClient, token: &str, body: &Value) -> RequestBuilder {
    let request = client.http.post(format!("{}/mcp", client.base));
    request
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .json(body)
}

/// Returns the result of `server/discover`, as a client of the newer form calls it.
async fn discovered(client: &TestClient, token: &str) -> Value {
    let discover = json!({
        "jsonrpc": "2.0", "id": 1, "method": "server/discover",
        "params": { "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        } },
    });
    let request = post(client, token, &discover)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "server/discover");
    let (_, mut discovered) = answer(request).await;
    discovered["result"].take()
}

/// Returns the result of `initialize`, as a client of the older form calls it.
async fn initialized(client: &TestClient, token: &str) -> Value {
    let initialize = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        },
    });
    let response = post(client, token, &initialize).send().await.unwrap();
    let events = response.text().await.unwrap();
    let mut data = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let message = data.find(|data| data.contains("serverInfo")).unwrap();
    let mut message: Value = serde_json::from_str(message).unwrap();
    message["result"].take()
}

#[tokio::test]
async fn rs10_server_card_is_sent_in_both_protocol_forms() {
    let server = TestServer::start().await;
    let client = TestClient::register(&server.base()).await;
    let token = client.tokens().await["access_token"].clone();
    let token = token.as_str().unwrap();

    let result = discovered(&client, token).await;
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_is_whole(info, &result["instructions"]);

    let result = initialized(&client, token).await;
    assert_is_whole(&result["serverInfo"], &result["instructions"]);
}

/// Implements resources, and announces the given capabilities.
struct Resources(ServerCapabilities);

type Context = RequestContext<RoleServer>;
type Page = Option<PaginatedRequestParams>;

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

/// Returns the capabilities that a client of this server gets, in each form of the protocol.
async fn announced(handler: impl ServerHandler) -> [Value; 2] {
    let clock = Arc::default();
    let server = TestServer::start_serving(handler, "127.0.0.1:0", clock, |config| config).await;
    let client = TestClient::register(&server.base()).await;
    let token = client.tokens().await["access_token"].clone();
    let token = token.as_str().unwrap();
    [
        initialized(&client, token).await,
        discovered(&client, token).await,
    ]
    .map(|result| result["capabilities"].clone())
}

#[tokio::test]
async fn everything_that_a_server_implements_is_announced() {
    let tools = ServerCapabilities::builder().enable_tools().build();
    for (got, expected) in [
        (
            announced(Resources(tools)).await,
            json!({ "resources": {}, "tools": {} }),
        ),
        (announced(Templates).await, json!({ "resources": {} })),
        (announced(Prompts).await, json!({ "prompts": {} })),
        (announced(Sample).await, json!({ "tools": {} })),
    ] {
        assert_eq!(got, [expected.clone(), expected]);
    }
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

/// Starts and stops a server with this handler.
async fn start_and_stop(handler: impl ServerHandler) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = BaseUrl::parse("http://localhost:8080").unwrap();
    let server = Server::new(handler, Config::new(base, test_keys()));
    server.serve_on(listener, async {}).await.unwrap();
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
    start_and_stop(handler).await;
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
