//! {{project_name}}: an MCP server for an API. Each tool calls the API as its caller.

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

    /// Get the caller's profile from the API, as JSON.
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
