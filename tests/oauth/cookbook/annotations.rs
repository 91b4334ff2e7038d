use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};
use serde_json::json;

use super::Served;

struct Server;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Message {
    /// Who gets the message: an e-mail address.
    #[schemars(email)]
    to: String,
    /// The text of the message.
    #[schemars(length(min = 1, max = 2000))]
    text: String,
    /// How urgent the message is; the default is `normal`.
    #[serde(default)]
    priority: Priority,
}

#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Priority {
    #[default]
    Normal,
    High,
}

#[tool_router(server_handler)]
impl Server {
    /// Send an e-mail message.
    #[tool(
        title = "Send a message",
        annotations(
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = true
        )
    )]
    fn send_message(&self, Parameters(message): Parameters<Message>) -> String {
        let Message { to, text, priority } = message;
        format!("Sent {} characters to {to} ({priority:?}).", text.len())
    }
}

#[tokio::test]
async fn cookbook_annotations_and_limits_are_listed() {
    let served = Served::start(Server).await;
    let tool = served.listed("send_message").await;
    assert_eq!(tool["title"], "Send a message");
    assert_eq!(tool["annotations"]["readOnlyHint"], false);
    let properties = &tool["inputSchema"]["properties"];
    assert_eq!(properties["text"]["maxLength"], 2000);
    assert_eq!(properties["to"]["format"], "email");
    assert_eq!(tool["inputSchema"]["required"], json!(["to", "text"]));
    let text = served
        .text(
            "send_message",
            &json!({ "to": "ada@example.com", "text": "Hi" }),
        )
        .await;
    assert_eq!(text, "Sent 2 characters to ada@example.com (Normal).");
}
