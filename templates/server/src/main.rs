//! {{project_name}}: tools for claude.ai and every other MCP client. They read the comments below.

use mcpo_runtime::Caller;
use rmcp::{
    ServerHandler, handler::server::wrapper::Parameters, schemars, tool, tool_handler, tool_router,
};

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

#[tool_handler(name = "{{project_name}}")]
impl ServerHandler for Server {}

fn main() -> std::process::ExitCode {
    mcpo_runtime::serve(Server)
}

#[cfg(test)]
mod tests;
