use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::{model::ContentBlock, tool, tool_router};
use serde_json::json;

use super::Served;

struct Server;

/// A picture of a filled circle, 32 pixels wide.
const CIRCLE: &[u8] = include_bytes!("circle.png");

#[tool_router(server_handler)]
impl Server {
    /// Draw a circle.
    #[tool]
    fn draw(&self) -> ContentBlock {
        ContentBlock::image(STANDARD.encode(CIRCLE), "image/png")
    }
}

#[tokio::test]
async fn cookbook_images_are_sent_in_base64() {
    let served = Served::start(Server).await;
    let result = served.call("draw", &json!({})).await;
    let image = &result["content"][0];
    assert_eq!(image["type"], "image");
    assert_eq!(image["mimeType"], "image/png");
    let data = STANDARD.decode(image["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, CIRCLE);
    assert!(data.starts_with(b"\x89PNG\r\n\x1a\n"));
}
