use rmcp::{
    handler::server::tool::InputResponses,
    model::{
        CallToolResponse, CallToolResult, ContentBlock, ElicitRequest, ElicitRequestParams,
        ElicitationSchema, InputRequest, InputRequests, InputRequiredResult,
    },
    tool, tool_router,
};
use serde_json::json;

use super::Served;

struct Server;

/// Returns a request that asks the user to confirm.
fn confirmation(message: &str) -> Result<InputRequiredResult, String> {
    let schema = ElicitationSchema::builder()
        .required_bool("confirm")
        .build()?;
    let form = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: schema,
    };
    let request = InputRequest::Elicitation(ElicitRequest::new(form));
    let requests = InputRequests::from([("confirmation".to_owned(), request)]);
    Ok(InputRequiredResult::from_input_requests(requests))
}

#[tool_router(server_handler)]
impl Server {
    /// Delete all notes, after the user has confirmed it.
    #[tool(annotations(destructive_hint = true))]
    fn delete_all(
        &self,
        InputResponses(responses): InputResponses,
    ) -> Result<CallToolResponse, String> {
        // The client calls the tool again, with the answer of the user.
        let Some(answer) = responses.as_ref().and_then(|all| all.get("confirmation")) else {
            return Ok(confirmation("Delete all notes?")?.into());
        };
        let text = if answer["action"] == "accept" && answer["content"]["confirm"] == true {
            "All notes are deleted."
        } else {
            "Nothing is deleted: the user did not confirm."
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

#[tokio::test]
async fn cookbook_elicitation_asks_the_user_before_the_tool_acts() {
    let served = Served::start(Server).await;
    let result = served.call("delete_all", &json!({})).await;
    let asked = &result["inputRequests"]["confirmation"];
    assert_eq!(asked["method"], "elicitation/create");
    assert_eq!(asked["params"]["message"], "Delete all notes?");
    for (answer, text) in [
        (
            json!({ "action": "accept", "content": { "confirm": true } }),
            "All notes are deleted.",
        ),
        (
            json!({ "action": "decline" }),
            "Nothing is deleted: the user did not confirm.",
        ),
    ] {
        let params = json!({
            "name": "delete_all", "arguments": {}, "inputResponses": { "confirmation": answer },
        });
        let result = served.request("tools/call", "delete_all", &params).await;
        assert_eq!(result["content"][0]["text"], text);
    }
}
