use rmcp::{
    ServerHandler,
    handler::server::wrapper::Parameters,
    model::{PromptMessage, Role, ServerConfig},
    prompt, prompt_handler, prompt_router, schemars,
};
use serde_json::json;

use super::Served;

struct Server;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Review {
    /// The programming language of the code.
    language: String,
}

#[prompt_router]
impl Server {
    /// Review code.
    #[prompt(name = "review", title = "Review code")]
    fn review(&self, Parameters(review): Parameters<Review>) -> Vec<PromptMessage> {
        let language = review.language;
        let text = format!("Review this {language} code. List the most serious problem first.");
        vec![PromptMessage::new_text(Role::User, text)]
    }
}

#[prompt_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::default()
    }
}

#[tokio::test]
async fn cookbook_prompts_are_announced_listed_and_filled_in() {
    let served = Served::start(Server).await;
    let info = served.request("server/discover", "", &json!({})).await;
    assert_eq!(info["capabilities"]["prompts"], json!({}));
    let listed = served.request("prompts/list", "", &json!({})).await;
    assert_eq!(listed["prompts"][0]["arguments"][0]["name"], "language");
    let params = json!({ "name": "review", "arguments": { "language": "Rust" } });
    let prompt = served.request("prompts/get", "review", &params).await;
    assert_eq!(
        prompt["messages"][0]["content"]["text"],
        "Review this Rust code. List the most serious problem first."
    );
}
