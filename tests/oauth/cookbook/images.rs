use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::{model::ContentBlock, tool, tool_router};
use serde_json::json;

use super::Served;

struct Server;

/// A drawing of a filled circle.
const CIRCLE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2">
<circle cx="1" cy="1" r="1"/></svg>"#;

#[tool_router(server_handler)]
impl Server {
    /// Draw a circle.
    #[tool]
    fn draw(&self) -> ContentBlock {
        ContentBlock::image(STANDARD.encode(CIRCLE), "image/svg+xml")
    }
}

#[tokio::test]
async fn cookbook_images_are_sent_in_base64() {
    let served = Served::start(Server).await;
    let result = served.call("draw", &json!({})).await;
    let image = &result["content"][0];
    assert_eq!(image["type"], "image");
    assert_eq!(image["mimeType"], "image/svg+xml");
    let data = STANDARD.decode(image["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, CIRCLE.as_bytes());
}
