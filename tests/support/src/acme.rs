//! A server with a complete card and many tools, to test how pages show them.

use mcpo_runtime::needs_scopes;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        Icon, Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
        ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
};

/// The picture of the server.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E\
    %3Cpath fill='%237a1fa2' d='M2 6h14c0 3-2 5-5 5v3h3v4H5v-4h3v-3C5 11 2 9 2 6zM18 6h4v3h-5z'/%3E\
    %3C/svg%3E";
/// The titles of the tools, and whether each one only reads.
pub const TOOLS: [(&str, bool); 12] = [
    ("Search the catalog", true),
    ("Show an order", true),
    ("Place an order", false),
    ("Cancel an order", false),
    ("List invoices", true),
    ("Download an invoice", true),
    ("Track a parcel", true),
    ("Check the stock", true),
    ("Update an address", false),
    ("Read reviews", true),
    ("Write a review", false),
    ("Compare two anvils", true),
];
/// A tool that needs another scope.
pub const RESTRICTED: &str = "Change prices";

/// The server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acme;

fn tool(title: &str, reads: bool) -> Tool {
    let name = title.to_lowercase().replace(' ', "_");
    Tool::new(name, "", serde_json::Map::new())
        .with_title(title)
        .with_annotations(ToolAnnotations::new().read_only(reads))
}

impl ServerHandler for Acme {
    fn get_info(&self) -> ServerConfig {
        let info = Implementation::new("acme-tools", "2.4.0")
            .with_title("Acme Tools")
            .with_description("Finds anvils, and orders them.")
            .with_icons(vec![Icon::new(ICON)]);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(info)
            .with_instructions("Search before you order.")
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let restricted = tool(RESTRICTED, false).with_meta(needs_scopes(&["prices:write"]));
        let tools = TOOLS.iter().map(|(title, reads)| tool(title, *reads));
        Ok(ListToolsResult::with_all_items(
            tools.chain([restricted]).collect(),
        ))
    }
}
