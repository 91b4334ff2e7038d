//! {{project_name}}: an MCP server for an API. Each tool calls the API as its caller.

mod api;
mod card;

use mcpo_runtime::Caller;
use rmcp::{Json, schemars, tool, tool_router};

use self::api::Api;

/// The server. State that tools share goes into fields.
struct Server {
    api: Api,
}

impl Server {
    fn new(api: Api) -> Self {
        Self { api }
    }
}

/// The user of a call.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct User {
    /// The id of the user, which never changes.
    id: String,
    name: String,
}

#[tool_router]
impl Server {
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
        Json(User {
            id: caller.subject().to_owned(),
            name: caller.name().to_owned(),
        })
    }

    /// Get the caller's profile from the API, as JSON.
    #[tool(
        title = "Get my profile",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn my_profile(&self, caller: Caller) -> Result<String, String> {
        self.api.get(&caller).await
    }
}

fn main() -> std::process::ExitCode {
    mcpo_runtime::serve(Server::new(Api::from_env()))
}

#[cfg(test)]
mod tests;
