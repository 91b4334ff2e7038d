//! An MCP server in an existing axum application.
//!
//! ```text
//! export MCPO_SECRET=$(openssl rand 32 | basenc --base64url | tr -d =)
//! ADMIN_PASSWORD='correct horse battery staple' cargo run --example mounted
//! ```
//!
//! <http://localhost:8080/> shows a page of the application. `http://localhost:8080/mcp` is the MCP
//! server: add it to a client.

use std::{env, error::Error, net::SocketAddr};

use axum::{Router, routing::get};
use mcpo_runtime::{BaseUrl, Caller, Config, KeyRing, Server};
use rmcp::{tool, tool_router};
use tokio::net::TcpListener;

struct Hello;

#[expect(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    reason = "rmcp defines the signature"
)]
#[tool_router(server_handler)]
impl Hello {
    /// Say who is calling.
    #[tool]
    fn whoami(&self, caller: Caller) -> String {
        format!("You are {}", caller.subject())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let base = BaseUrl::parse(&format!("http://localhost:{port}"))?;
    let keys = KeyRing::parse(&env::var("MCPO_SECRET")?)?;
    let config = Config::new(base, keys).with_password(env::var("ADMIN_PASSWORD")?);
    let mcp = Server::new(Hello, config).into_router().await?;

    let app = Router::new()
        .route("/", get(async || "The application's own page."))
        .merge(mcp)
        // Lets the runtime throttle sign-in attempts by address.
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, app).await?;
    Ok(())
}
