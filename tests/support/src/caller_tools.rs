//! An MCP server whose tools act on behalf of the caller.

use std::{process::ExitCode, sync::LazyLock, time::Duration};

use mcpo_runtime::{Caller, UpstreamError};
use reqwest::{Client, StatusCode};
use rmcp::{ErrorData, handler::server::wrapper::Parameters, schemars, tool, tool_router};

static CLIENT: LazyLock<Client> = LazyLock::new(crate::client::browser);

/// A URL to read.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct ReadArguments {
    url: String,
    /// Milliseconds to wait after the token is fetched and before the URL is read.
    #[serde(default)]
    milliseconds: u64,
}

/// Tools that act on behalf of the caller.
#[derive(Clone, Copy, Debug)]
pub struct CallerTools;

#[expect(
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    reason = "rmcp defines the signatures of tools"
)]
#[tool_router(server_handler)]
impl CallerTools {
    /// Say who is calling.
    #[tool]
    fn whoami(&self, caller: Caller) -> String {
        format!("{} is {}", caller.subject(), caller.name())
    }

    /// Read a URL with the caller's upstream token.
    #[tool]
    async fn read(
        &self,
        caller: Caller,
        Parameters(ReadArguments { url, milliseconds }): Parameters<ReadArguments>,
    ) -> Result<String, ErrorData> {
        let token = caller.upstream_token().await?;
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        let answer = CLIENT
            .get(url)
            .bearer_auth(token.secret())
            .header("user-agent", "test")
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .send()
            .await
            .map_err(|_| UpstreamError::Unavailable)?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(caller.upstream_refused().await.into());
        }
        answer
            .text()
            .await
            .map_err(|_| UpstreamError::Unavailable.into())
    }
}

/// Serves these tools, configured by the environment, until the process ends.
pub fn serve() -> ExitCode {
    mcpo_runtime::serve(CallerTools)
}
