//! {{project_name}}: GitHub for claude.ai and every other MCP client, each tool as whoever calls it.

mod github;

use mcpo_runtime::Caller;
use rmcp::{
    ErrorData, Json, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{Icon, Implementation, ServerCapabilities, ServerConfig},
    schemars, tool, tool_handler, tool_router,
};

use self::github::{Account, GitHub, Repositories};

struct Server {
    github: GitHub,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct List {
    /// How many at most, 20 unless said.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
}

impl List {
    /// GitHub hands out no more than 100 at once.
    fn limit(&self) -> u8 {
        self.limit.unwrap_or(20).clamp(1, 100)
    }
}

#[tool_router]
impl Server {
    /// Say who is signed in at GitHub.
    #[tool]
    async fn whoami(&self, caller: Caller) -> Result<Json<Account>, ErrorData> {
        self.github.account(&caller).await.map(Json)
    }

    /// The caller's repositories, the most recently updated first.
    #[tool]
    async fn list_my_repos(
        &self,
        caller: Caller,
        Parameters(list): Parameters<List>,
    ) -> Result<Json<Repositories>, ErrorData> {
        let found = self.github.repositories(&caller, list.limit()).await;
        found.map(Json)
    }

    /// The repositories that the caller has starred, the most recent star first.
    #[tool]
    async fn get_starred(
        &self,
        caller: Caller,
        Parameters(list): Parameters<List>,
    ) -> Result<Json<Repositories>, ErrorData> {
        let found = self.github.starred(&caller, list.limit()).await;
        found.map(Json)
    }
}

/// The picture that clients show: an SVG in base64, or an https address.
const ICON: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAyNCAyNCI+PGNpcmNsZSBjeD0iMTIiIGN5PSIxMiIgcj0iMTEiIGZpbGw9IiMyNDI5MmYiLz48L3N2Zz4=";

#[tool_handler]
impl ServerHandler for Server {
    /// What clients show of the server, and what they tell the model about it.
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("{{project_name}}", env!("CARGO_PKG_VERSION"))
            .with_title("{{project_name}}")
            .with_icons(vec![Icon::new(ICON)]);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(info)
            .with_instructions(
                "Reads the GitHub account of the signed-in user: repositories and stars.",
            )
    }
}

fn main() -> std::process::ExitCode {
    let github = GitHub::from_env();
    mcpo_runtime::serve(Server { github })
}

#[cfg(test)]
mod tests;
