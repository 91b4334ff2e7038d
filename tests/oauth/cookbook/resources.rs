use mcpo_runtime::Caller;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate, ServerConfig,
    },
    service::RequestContext,
    tool, tool_handler, tool_router,
};
use serde_json::json;

use super::Served;

struct Server;

#[tool_router]
impl Server {
    /// Say hello.
    #[tool]
    fn hello(&self) -> String {
        "Hello!".into()
    }
}

#[tool_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::default()
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let handbook = Resource::new("docs://handbook", "handbook")
            .with_title("Handbook")
            .with_description("How our team works.")
            .with_mime_type("text/markdown");
        Ok(ListResourcesResult::with_all_items(vec![handbook]))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let page = ResourceTemplate::new("docs://pages/{name}", "page")
            .with_title("A page of the handbook")
            .with_mime_type("text/markdown");
        Ok(ListResourceTemplatesResult::with_all_items(vec![page]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = Caller::from_context(&context)?;
        let text = match request.uri.strip_prefix("docs://") {
            Some("handbook") => "# Handbook".to_owned(),
            Some("desk") => format!("# The desk of {}", caller.subject()),
            Some(page) if page.starts_with("pages/") => format!("# {}", &page["pages/".len()..]),
            _ => return Err(ErrorData::resource_not_found("no such page", None)),
        };
        let contents = ResourceContents::text(text, request.uri).with_mime_type("text/markdown");
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

#[tokio::test]
async fn cookbook_resources_are_announced_listed_and_read() {
    let served = Served::start(Server).await;
    let info = served.request("server/discover", "", &json!({})).await;
    assert_eq!(info["capabilities"]["resources"], json!({}));
    let listed = served.request("resources/list", "", &json!({})).await;
    assert_eq!(listed["resources"][0]["uri"], "docs://handbook");
    let listed = served
        .request("resources/templates/list", "", &json!({}))
        .await;
    assert_eq!(listed["resourceTemplates"][0]["name"], "page");
    for (uri, text) in [
        ("docs://handbook", "# Handbook"),
        ("docs://pages/travel", "# travel"),
        ("docs://desk", "# The desk of local-user"),
    ] {
        let read = served
            .request("resources/read", uri, &json!({ "uri": uri }))
            .await;
        assert_eq!(read["contents"][0]["text"], text);
    }
    let missing = json!({ "uri": "docs://nothing" });
    let missing = served
        .response("resources/read", "docs://nothing", &missing)
        .await;
    assert_eq!(missing["error"]["message"], "no such page");
}
