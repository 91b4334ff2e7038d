//! A small MCP server that tests run against.

use std::time::Duration;

use mcpo_runtime::{Caller, needs_scopes};
use rmcp::{
    ServerHandler,
    handler::server::wrapper::Parameters,
    model::{Icon, Implementation, ServerCapabilities, ServerConfig},
    schemars, tool, tool_handler, tool_router,
};

/// Two numbers.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Pair {
    a: i64,
    b: i64,
}

/// How long a call takes.
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
    reason = "rmcp defines the signatures of tools"
)]
#[tool_router]
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

    /// Write a note, which requires an additional scope.
    #[tool(meta = needs_scopes(&["notes:write"]))]
    fn write_note(&self) -> String {
        "written".to_owned()
    }

    /// Take some time.
    #[tool]
    async fn wait(&self, Parameters(Pause { milliseconds }): Parameters<Pause>) -> String {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        "done".to_owned()
    }

    /// Break.
    #[tool]
    #[expect(clippy::panic, reason = "the tool tests panics")]
    fn break_down(&self) -> String {
        panic!("the tool broke down")
    }
}

#[tool_handler]
impl ServerHandler for Sample {
    fn get_info(&self) -> ServerConfig {
        let icon = Icon::new("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E");
        let info = Implementation::new("sample", "1.2.3")
            .with_title("Sample")
            .with_icons(vec![icon]);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(info)
            .with_instructions("Tools to test with.")
    }
}
