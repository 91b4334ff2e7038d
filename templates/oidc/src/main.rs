//! {{project_name}}: an API for claude.ai and every other MCP client, asked as whoever calls the tool.

mod api;

use mcpo_runtime::Caller;
use rmcp::{
    ErrorData, ServerHandler,
    model::{Icon, Implementation, ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
};

use self::api::Api;

struct Server {
    api: Api,
}

#[tool_router]
impl Server {
    /// Say who is signed in.
    #[tool]
    fn whoami(&self, caller: Caller) -> String {
        format!("You are {} ({}).", caller.name(), caller.subject())
    }

    /// What the API knows of the caller, as JSON.
    #[tool]
    async fn my_profile(&self, caller: Caller) -> Result<String, ErrorData> {
        self.api.get(&caller).await
    }
}

/// The picture that clients show: an SVG in base64, or an https address.
const ICON: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAyNCAyNCI+PGNpcmNsZSBjeD0iMTIiIGN5PSIxMiIgcj0iMTEiIGZpbGw9IiMwZjc2NmUiLz48L3N2Zz4=";

#[tool_handler]
impl ServerHandler for Server {
    /// What clients show of the server, and what they tell the model about it.
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("{{project_name}}", env!("CARGO_PKG_VERSION"))
            .with_title("{{project_name}}")
            .with_icons(vec![Icon::new(ICON)]);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(info)
            .with_instructions("Asks an API as the signed-in user.")
    }
}

fn main() -> std::process::ExitCode {
    let api = Api::from_env();
    mcpo_runtime::serve(Server { api })
}

#[cfg(test)]
mod tests;
