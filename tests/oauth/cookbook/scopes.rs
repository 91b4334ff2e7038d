use std::process::ExitCode;

use mcpo_runtime::{Caller, needs_scopes};
use rmcp::{tool, tool_router};
use serde_json::json;

use super::Served;

/// The subjects of the users who may close the shop.
const OWNERS: [&str; 2] = ["github:1", "github:2"];

#[derive(Default)]
struct Server {}

#[tool_router(server_handler)]
impl Server {
    /// List the notes.
    #[tool]
    fn list_notes(&self, caller: Caller) -> String {
        format!("No notes. Your scopes: {}", caller.scopes())
    }

    /// Close the shop.
    #[tool]
    fn close_shop(&self, caller: Caller) -> Result<String, String> {
        if !OWNERS.contains(&caller.subject()) {
            return Err("only an owner of the shop can close it".into());
        }
        Ok("Closed.".into())
    }

    /// Delete all notes.
    #[tool(meta = needs_scopes(&["notes:delete"]))]
    fn delete_notes(&self) -> String {
        "Deleted.".into()
    }
}

#[expect(dead_code, reason = "the end of a server's main.rs")]
fn main() -> ExitCode {
    mcpo_runtime::serve_with(Server::default(), |config| {
        config
            .with_implied_scopes("admin", &["notes:write", "notes:delete"])
            .with_scope_description("notes:delete", "Delete your notes")
    })
}

#[tokio::test]
async fn cookbook_scopes_are_needed_for_a_tool_that_declares_them() {
    let served = Served::start(Server::default()).await;
    let text = served.text("list_notes", &json!({})).await;
    assert_eq!(text, "No notes. Your scopes: mcp:tools");
    let refused = served.call("close_shop", &json!({})).await;
    assert_eq!(refused["isError"], true);
    let reason = "only an owner of the shop can close it";
    assert_eq!(refused["content"][0]["text"], reason);
    let params = json!({ "name": "delete_notes", "arguments": {} });
    let request = served.post("tools/call", "delete_notes", &params);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 403);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("mcp:tools notes:delete"), "{challenge}");
}
