//! A server with one user, who signs in with a password.
//!
//! ```text
//! export MCPO_SECRET=$(openssl rand 32 | basenc --base64url | tr -d =)
//! ADMIN_PASSWORD='correct horse battery staple' cargo run --example password
//! ```
//!
//! The log shows the URL of the server: `http://localhost:8080/mcp`. Add this URL to an MCP client.
//! The client opens a page that asks for the password, and then a page that asks for consent. After
//! that, the tool answers "You are admin".

use std::process::ExitCode;

use mcpo_runtime::Caller;
use rmcp::{tool, tool_router};

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

fn main() -> ExitCode {
    mcpo_runtime::serve(Hello)
}
