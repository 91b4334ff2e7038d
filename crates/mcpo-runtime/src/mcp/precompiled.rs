//! Compiles generic code that most servers use, so that the crate of a server does not compile it
//! again after each change.
//!
//! rustc uses generic code that another crate has compiled with the same types, but only if nothing
//! is optimized. So this module is not part of a release. The server here uses rmcp as a typical one
//! does. Other crates share the generic code that does not depend on the types in this module.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unused_async,
    clippy::unused_self,
    reason = "rmcp defines the signatures of tools"
)]

use rmcp::{
    ErrorData, Json, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, Icon, Implementation, ServerCapabilities, ServerConfig},
    schemars, tool, tool_handler, tool_router,
};

use super::erased::SharedHandler;
use crate::caller::Caller;

/// rustc compiles what a static refers to. The attribute is necessary because nothing reads it.
#[used]
static ERASE: fn(Typical) -> SharedHandler = SharedHandler::new;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Arguments {
    text: String,
    number: Option<u8>,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Output {
    text: String,
    number: u64,
    list: Vec<String>,
}

struct Typical;

#[tool_router]
impl Typical {
    #[tool(title = "Text", annotations(read_only_hint = true))]
    fn text(&self, Parameters(arguments): Parameters<Arguments>) -> String {
        format!("{} {:?}", arguments.text, arguments.number)
    }

    #[tool(title = "Caller", annotations(read_only_hint = true))]
    fn caller(&self, caller: Caller) -> Json<Output> {
        Json(Output {
            text: caller.subject().to_owned(),
            number: 0,
            list: Vec::new(),
        })
    }

    #[tool]
    async fn fallible(
        &self,
        caller: Caller,
        Parameters(arguments): Parameters<Arguments>,
    ) -> Result<Json<Output>, String> {
        let _ = arguments;
        Err(caller.subject().to_owned())
    }

    #[tool]
    async fn content(&self) -> Result<CallToolResult, ErrorData> {
        Ok(CallToolResult::default())
    }
}

#[tool_handler]
impl ServerHandler for Typical {
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("", "")
            .with_title("")
            .with_icons(vec![Icon::new("")]);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(info)
            .with_instructions("")
    }
}
