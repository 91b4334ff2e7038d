//! {{project_name}}: tools for claude.ai and every other MCP client. They read the comments below.

mod card;

use mcpo_runtime::Caller;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};

/// The server; what its tools share (a client, a cache, a database) becomes a field.
struct Server;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greeting {
    /// Who is to be greeted.
    name: String,
}

#[tool_router]
impl Server {
    /// Greet somebody by name.
    #[tool]
    fn greet(&self, Parameters(greeting): Parameters<Greeting>) -> String {
        format!("Hello, {}!", greeting.name)
    }

    /// Say who is signed in.
    #[tool]
    fn whoami(&self, caller: Caller) -> String {
        format!("You are {}.", caller.subject())
    }
}

fn main() -> std::process::ExitCode {
    mcpo_runtime::serve(Server)
}

#[cfg(test)]
mod tests;
