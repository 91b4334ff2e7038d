//! The benchmarked server: one tool that does almost nothing.

use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};

/// Two numbers.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Pair {
    a: i64,
    b: i64,
}

/// The server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trivial;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    reason = "rmcp defines the signatures of tools"
)]
#[tool_router(server_handler)]
impl Trivial {
    /// Add two numbers.
    #[tool]
    fn add(&self, Parameters(Pair { a, b }): Parameters<Pair>) -> String {
        (a + b).to_string()
    }
}
