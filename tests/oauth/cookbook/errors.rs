use rmcp::{ErrorData, handler::server::wrapper::Parameters, schemars, tool, tool_router};
use serde_json::json;

use super::Served;

struct Server;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Division {
    dividend: f64,
    divisor: f64,
}

#[tool_router(server_handler)]
impl Server {
    /// Divide two numbers.
    #[tool]
    fn divide(&self, Parameters(numbers): Parameters<Division>) -> Result<String, String> {
        if numbers.divisor == 0.0 {
            return Err("the divisor is 0; use another number".into());
        }
        Ok((numbers.dividend / numbers.divisor).to_string())
    }

    /// Reset the calculator.
    #[tool]
    fn reset(&self) -> Result<String, ErrorData> {
        Err(ErrorData::internal_error("the calculator is locked", None))
    }
}

#[tokio::test]
async fn cookbook_errors_reach_the_model_as_results_or_the_client_as_errors() {
    let served = Served::start(Server).await;
    let result = served
        .call("divide", &json!({ "dividend": 1, "divisor": 0 }))
        .await;
    assert_eq!(result["isError"], true);
    assert_eq!(
        result["content"][0]["text"],
        "the divisor is 0; use another number"
    );
    let text = served
        .text("divide", &json!({ "dividend": 1, "divisor": 4 }))
        .await;
    assert_eq!(text, "0.25");
    let params = json!({ "name": "reset", "arguments": {} });
    let response = served.response("tools/call", "reset", &params).await;
    assert_eq!(response["error"]["message"], "the calculator is locked");
}
