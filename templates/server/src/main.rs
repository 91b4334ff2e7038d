//! {{project_name}}: an MCP server. Clients read the doc comments of its tools.

mod card;

use mcpo_runtime::Caller;
use rmcp::{Json, handler::server::wrapper::Parameters, schemars, tool, tool_router};

/// The server. State that tools share (a client, a cache, a database) goes into fields.
#[derive(Default)]
struct Server {}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greeting {
    /// The name of the person to greet.
    name: String,
}

/// The user of a call.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct User {
    /// The id of the user, which never changes.
    id: String,
}

#[tool_router]
impl Server {
    /// Greet a person by name.
    #[tool(
        title = "Greet a person",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    fn greet(&self, Parameters(greeting): Parameters<Greeting>) -> String {
        format!("Hello, {}!", greeting.name)
    }

    /// Say who is signed in.
    #[tool(
        title = "Who am I",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    fn whoami(&self, caller: Caller) -> Json<User> {
        let id = caller.subject().to_owned();
        Json(User { id })
    }
}

fn main() -> std::process::ExitCode {
    mcpo_runtime::serve(Server::default())
}

#[cfg(test)]
mod tests;
