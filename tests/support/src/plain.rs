//! A server with rmcp and axum alone, as in rmcp's examples: no authentication.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use rmcp::{
    handler::server::wrapper::Parameters,
    schemars, tool, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Two numbers.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Pair {
    a: i64,
    b: i64,
}

/// The tools.
#[derive(Clone, Copy, Debug)]
struct Plain;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    reason = "rmcp defines the signatures of tools"
)]
#[tool_router(server_handler)]
impl Plain {
    /// Add two numbers.
    #[tool]
    fn add(&self, Parameters(Pair { a, b }): Parameters<Pair>) -> String {
        (a + b).to_string()
    }
}

/// A running server; it stops when dropped.
pub struct PlainServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl PlainServer {
    /// Starts on a free port of this machine.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port that was bound");
        let sessions = Arc::new(LocalSessionManager::default());
        let config = StreamableHttpServerConfig::default();
        let service = StreamableHttpService::new(|| Ok(Plain), sessions, config);
        let router = Router::new().route_service("/mcp", service);
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving");
        });
        Self { address, task }
    }

    /// Returns the URL of the MCP endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }
}

impl Drop for PlainServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
