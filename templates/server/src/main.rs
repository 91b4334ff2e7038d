//! {{project_name}}: tools that claude.ai and every other MCP client can call.

use std::process::ExitCode;

use mcpo_runtime::Caller;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};
use serde::Deserialize;

/// The server; what its tools share (a client, a cache, a database) becomes a field.
struct Server;

/// What `greet` is called with. The comments here are what the model reads.
#[derive(Deserialize, schemars::JsonSchema)]
struct Greeting {
    /// Who is to be greeted.
    name: String,
}

#[tool_router(server_handler)]
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

fn main() -> ExitCode {
    mcpo_runtime::serve(Server)
}

#[cfg(test)]
mod tests;
