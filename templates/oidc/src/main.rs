//! {{project_name}}: an API for claude.ai and every other MCP client, asked as whoever calls the tool.

mod api;
mod card;

use mcpo_runtime::Caller;
use rmcp::{ErrorData, tool, tool_router};

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

fn main() -> std::process::ExitCode {
    let api = Api::from_env();
    mcpo_runtime::serve(Server { api })
}

#[cfg(test)]
mod tests;
