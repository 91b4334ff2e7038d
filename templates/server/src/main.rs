//! {{project_name}}: tools for claude.ai and every other MCP client. They read the comments below.

use mcpo_runtime::Caller;
use rmcp::{
    ServerHandler,
    handler::server::wrapper::Parameters,
    model::{Icon, Implementation, ServerCapabilities, ServerConfig},
    schemars, tool, tool_handler, tool_router,
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

/// The picture that clients show: an SVG in base64, or an https address.
const ICON: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAyNCAyNCI+PGNpcmNsZSBjeD0iMTIiIGN5PSIxMiIgcj0iMTEiIGZpbGw9IiMyNTYzZWIiLz48L3N2Zz4=";

#[tool_handler]
impl ServerHandler for Server {
    /// What clients show of the server, and what they tell the model about it.
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("{{project_name}}", env!("CARGO_PKG_VERSION"))
            .with_title("{{project_name}}")
            .with_icons(vec![Icon::new(ICON)]);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(info)
            .with_instructions("Greets people by name, and says who is signed in.")
    }
}

fn main() -> std::process::ExitCode {
    mcpo_runtime::serve(Server)
}

#[cfg(test)]
mod tests;
