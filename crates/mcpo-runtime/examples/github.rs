//! Users sign in with GitHub, and a tool calls GitHub's API as the user who calls it.
//!
//! Create an OAuth app at <https://github.com/settings/developers> with the callback URL
//! `http://localhost:8080/auth/github/callback`. Then:
//!
//! ```text
//! export MCPO_SECRET=$(openssl rand 32 | basenc --base64url | tr -d =)
//! export GITHUB_CLIENT_ID=… GITHUB_CLIENT_SECRET=… GITHUB_ALLOWED_LOGINS=YOUR-LOGIN
//! cargo run --example github
//! ```
//!
//! Add `http://localhost:8080/mcp` to an MCP client. The consent page says that you continue at
//! GitHub. After the sign-in, the tool returns your account as GitHub's API shows it.

use std::{env, process::ExitCode};

use mcpo_runtime::{ApiClient, Caller};
use rmcp::{ErrorData, tool, tool_router};

struct Account {
    client: ApiClient,
    api: String,
}

#[tool_router(server_handler)]
impl Account {
    /// Read the caller's account at GitHub.
    #[tool]
    async fn account(&self, caller: Caller) -> Result<String, ErrorData> {
        let token = caller.upstream_token().await?;
        let request = self
            .client
            .get(format!("{}/user", self.api))
            .bearer_auth(token.secret())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        let failed = |what: String| ErrorData::internal_error(what, None);
        let response = request.send().await;
        let response = response.map_err(|error| failed(format!("GitHub: {error}")))?;
        match response.status() {
            200 => Ok(String::from_utf8_lossy(response.bytes()).into_owned()),
            // The user has revoked the access and must sign in again.
            401 => Err(caller.upstream_refused().await.into()),
            status => Err(failed(format!("GitHub answered with status {status}"))),
        }
    }
}

fn main() -> ExitCode {
    let api = env::var("GITHUB_API_URL");
    mcpo_runtime::serve(Account {
        client: ApiClient::new(),
        api: api.unwrap_or_else(|_| "https://api.github.com".to_owned()),
    })
}
