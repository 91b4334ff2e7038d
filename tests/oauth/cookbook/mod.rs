//! The code of the cookbook (`docs/cookbook`), one file per page. Every Rust block of a page is a
//! part of its file here; `docs/code.rs` of the tool checks this. Each test calls its server as a client
//! does.

#![allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_self,
    reason = "the manifests of the templates allow these too"
)]

mod annotations;
mod background;
mod database;
mod elicitation;
mod errors;
mod http_api;
mod images;
mod pool;
mod progress;
mod prompts;
mod resources;
mod scopes;
mod state;
mod structured;
mod testing;

use std::sync::Arc;

use mcpo_test_support::{
    client::{TestClient, answer},
    server::TestServer,
};
use reqwest::RequestBuilder;
use rmcp::ServerHandler;
use serde_json::{Value, json};

/// A running server and a client that has signed in.
struct Served {
    client: TestClient,
    token: String,
    _server: TestServer,
}

impl Served {
    async fn start(handler: impl ServerHandler) -> Self {
        let clock = Arc::default();
        let server = TestServer::start_serving(handler, "127.0.0.1:0", clock, |c| c).await;
        let client = TestClient::register(&server.base()).await;
        let tokens = client.tokens().await;
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        Self {
            client,
            token,
            _server: server,
        }
    }

    /// Builds a request of the newer protocol form. `name` is the tool, resource or prompt.
    fn post(&self, method: &str, name: &str, params: &Value) -> RequestBuilder {
        let mut params = params.clone();
        let meta = &mut params["_meta"];
        meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
        meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1" });
        meta["io.modelcontextprotocol/clientCapabilities"] =
            json!({ "elicitation": { "form": {} } });
        let request = self.client.http.post(format!("{}/mcp", self.client.base));
        request
            .bearer_auth(&self.token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method)
            .header("mcp-name", name)
            .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
    }

    /// Returns the whole response.
    async fn response(&self, method: &str, name: &str, params: &Value) -> Value {
        answer(self.post(method, name, params)).await.1
    }

    /// Returns the result of a request.
    async fn request(&self, method: &str, name: &str, params: &Value) -> Value {
        let mut response = self.response(method, name, params).await;
        assert!(response["error"].is_null(), "{response}");
        response["result"].take()
    }

    /// Returns the result of a tool call.
    async fn call(&self, tool: &str, arguments: &Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        self.request("tools/call", tool, &params).await
    }

    /// Returns the text that the model gets from a tool call.
    async fn text(&self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments).await;
        let text = result["content"][0]["text"].as_str();
        text.unwrap_or_default().to_owned()
    }

    /// Returns the description of a tool in the list of tools.
    async fn listed(&self, tool: &str) -> Value {
        let mut result = self.request("tools/list", "", &json!({})).await;
        let tools = result["tools"].as_array_mut().unwrap();
        let found = tools.iter_mut().find(|listed| listed["name"] == tool);
        found.unwrap().take()
    }
}
