//! {{project_name}}: an MCP server for GitHub. Each tool acts as its caller.

mod card;
mod github;

use mcpo_runtime::Caller;
use rmcp::{Json, handler::server::wrapper::Parameters, schemars, tool, tool_router};

use self::github::{Account, GitHub, Repositories};

/// The server. State that tools share goes into fields.
struct Server {
    github: GitHub,
}

impl Server {
    fn new(github: GitHub) -> Self {
        Self { github }
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct List {
    /// The maximum number of results; the default is 20.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
}

impl List {
    /// Returns the limit, at most 100: GitHub's maximum per page.
    fn limit(&self) -> u8 {
        self.limit.unwrap_or(20).clamp(1, 100)
    }
}

#[tool_router]
impl Server {
    /// Say who is signed in at GitHub.
    #[tool(
        title = "Who am I",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn whoami(&self, caller: Caller) -> Result<Json<Account>, String> {
        self.github.account(&caller).await.map(Json)
    }

    /// List the caller's repositories, the most recently updated first.
    #[tool(
        title = "List my repositories",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn list_my_repos(
        &self,
        caller: Caller,
        Parameters(list): Parameters<List>,
    ) -> Result<Json<Repositories>, String> {
        let found = self.github.repositories(&caller, list.limit()).await;
        found.map(Json)
    }

    /// List the repositories that the caller has starred, the most recent star first.
    #[tool(
        title = "List starred repositories",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn get_starred(
        &self,
        caller: Caller,
        Parameters(list): Parameters<List>,
    ) -> Result<Json<Repositories>, String> {
        let found = self.github.starred(&caller, list.limit()).await;
        found.map(Json)
    }
}

fn main() -> std::process::ExitCode {
    mcpo_runtime::serve(Server::new(GitHub::from_env()))
}

#[cfg(test)]
mod tests;
