//! The server's title and icon, which clients show to users, and its instructions for the model.

use rmcp::{
    ServerHandler,
    model::{Icon, Implementation, ServerCapabilities, ServerConfig},
    tool_handler,
};

use super::Server;

/// The icon that clients show: an SVG as a base64 data URL, or an https URL.
const ICON: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAyNCAyNCI+PGNpcmNsZSBjeD0iMTIiIGN5PSIxMiIgcj0iMTEiIGZpbGw9IiMyNDI5MmYiLz48L3N2Zz4=";

#[tool_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("{{project_name}}", env!("CARGO_PKG_VERSION"))
            .with_title("{{project_name}}")
            .with_icons(vec![Icon::new(ICON)]);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(info)
            .with_instructions(
                "Reads the GitHub account of the signed-in user: repositories and stars.",
            )
    }
}
