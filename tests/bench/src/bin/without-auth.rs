//! The same server with rmcp and axum only: no authentication, no checks, no limits.

use std::{io, sync::Arc};

use axum::{Router, routing::get, serve::ListenerExt as _};
use mcpo_bench::trivial::Trivial;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_json_response(true);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(|| Ok(Trivial), sessions, config);
    let router = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route_service("/mcp", service);
    let port = std::env::var("PORT").unwrap_or_default();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    // The runtime sets TCP_NODELAY as well; without it, a call of the older protocol waits 40 ms.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await
}
