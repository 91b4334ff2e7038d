//! A small MCP server to run tests against.

use std::time::Duration;

use mcpo_runtime::Caller;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};

/// Two numbers.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Pair {
    a: i64,
    b: i64,
}

/// How long to take.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Pause {
    milliseconds: u64,
}

/// The server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample;

#[expect(
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    reason = "tools take what rmcp gives them"
)]
#[tool_router(server_handler)]
impl Sample {
    /// Add two numbers.
    #[tool]
    fn add(&self, Parameters(Pair { a, b }): Parameters<Pair>) -> String {
        (a + b).to_string()
    }

    /// Say who is calling, and through which client.
    #[tool]
    fn whoami(&self, caller: Caller) -> String {
        format!(
            "{} through {}",
            caller.subject(),
            caller.client_name().unwrap_or("nothing")
        )
    }

    /// Take some time.
    #[tool]
    async fn wait(&self, Parameters(Pause { milliseconds }): Parameters<Pause>) -> String {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        "done".to_owned()
    }

    /// Break.
    #[tool]
    #[expect(clippy::panic, reason = "this is what the tool is for")]
    fn break_down(&self) -> String {
        panic!("the tool broke down")
    }
}
