//! {{project_name}}: an MCP server. Clients read the doc comments of its tools.

mod card;

use mcpo_runtime::Caller;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};

/// The server. State that tools share (a client, a cache, a database) goes into fields.
struct Server;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greeting {
    /// The name of the person to greet.
    name: String,
}

#[tool_router]
impl Server {
    /// Greet a person by name.
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
