//! Reads at start-up which scopes the tools of a server need.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, header};
use mcpo_runtime_oauth::{
    base::error::{self, Error},
    oauth::scope::Scopes,
};
use rmcp::{
    model::MetaObject,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{capabilities, erased::SharedHandler};
use crate::caller::Caller;

/// The member of a tool's `_meta` that contains its scopes.
pub(super) const SCOPES_KEY: &str = "mcpo/scopes";
/// The limit of pages, for lists that never end.
const MAX_PAGES: usize = 100;
const MAX_PAGE_LEN: usize = 8 * 1024 * 1024;

/// Declares the scopes that a tool needs in addition to the base scope:
///
/// ```
/// # use mcpo_runtime::needs_scopes;
/// # use rmcp::{tool, tool_router};
/// # struct Notes;
/// #[tool_router(server_handler)]
/// impl Notes {
///     /// Delete all notes.
///     #[tool(meta = needs_scopes(&["notes:delete"]))]
///     async fn delete_all(&self) -> String {
///         "gone".to_owned()
///     }
/// }
/// ```
///
/// The scopes are read from the tool at each call: from `ServerHandler::get_tool`, which rmcp's
/// macros implement, or else from the list of tools that the caller sees. A change takes effect
/// within one second.
///
/// A call without these scopes gets a 403 with a challenge that names them. Clients then ask the
/// user for more access (MCP authorization, step-up).
#[must_use]
pub fn needs_scopes(scopes: &[&str]) -> MetaObject {
    let mut meta = MetaObject::default();
    meta.insert(SCOPES_KEY.to_owned(), json!(scopes));
    meta
}

/// The names and scopes of a server's tools, as far as they are known before the first call.
#[derive(Default)]
pub(crate) struct ToolRegistry {
    /// All scopes that any tool needs.
    pub(crate) scopes: Scopes,
    /// One word per tool: its name, and the fingerprints of its schemas and of the whole tool.
    pub(crate) fingerprints: Vec<String>,
    /// The tools as an anonymous caller sees them.
    pub(crate) definitions: Vec<Value>,
}

/// Lists the server's tools as an anonymous caller sees them. Returns the server as well: it
/// announces everything that it implements.
///
/// If the list fails, the server starts anyway, because no decision depends on it: each call reads
/// the scopes of its tool again (see [`super::required_scopes`]).
pub(crate) async fn read_tools(
    handler: SharedHandler,
) -> Result<(SharedHandler, ToolRegistry), Error> {
    let unannounced = capabilities::check(&handler).await?;
    let handler = handler.announcing(unannounced);
    let listing = Listing::new(handler.clone());
    let mut found = ToolRegistry::default();
    let mut tools = Vec::new();
    let anonymous = Caller::anonymous();
    let listed = listing.visit(&anonymous, |tool| {
        tools.push(tool.clone());
        false
    });
    if let Err(error) = listed.await {
        tracing::warn!(
            error,
            "cannot list the tools at start-up, so the scopes that they need are not advertised \
             before they are called"
        );
    }
    for tool in &tools {
        found.fingerprints.extend(fingerprint(tool));
        let name = tool["name"].as_str().unwrap_or_default();
        let scopes = declared_scopes(tool["_meta"].get(SCOPES_KEY))
            .map_err(|declared| error::tool_scopes(name, declared))?;
        let known = handler.tool_scopes(name).transpose();
        let known = known.map_err(|declared| error::tool_scopes(name, declared))?;
        if known.is_some_and(|known| known != scopes) {
            return Err(error::tool_scopes_differ(name));
        }
        found.scopes = found.scopes.union(&scopes);
    }
    found.definitions = tools;
    Ok((handler, found))
}

/// Returns the scopes that the `_meta` of a tool declares. The error is a declaration that is not a
/// list of scopes.
pub(super) fn declared_scopes(declared: Option<&Value>) -> Result<Scopes, String> {
    let Some(declared) = declared else {
        return Ok(Scopes::default());
    };
    let unreadable = || declared.to_string();
    let names = declared.as_array().ok_or_else(unreadable)?;
    let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
    let text = names.ok_or_else(unreadable)?.join(" ");
    Scopes::parse(&text).map_err(|_| unreadable())
}

/// Requests the tools of a server as a client would.
pub(super) struct Listing(StreamableHttpService<SharedHandler, LocalSessionManager>);

impl Listing {
    pub(super) fn new(handler: SharedHandler) -> Self {
        Self(StreamableHttpService::new(
            move || Ok(handler.clone()),
            // Never used; the same type as in the endpoint, so that it is compiled only once.
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default()
                .with_legacy_session_mode(false)
                .with_json_response(true),
        ))
    }

    /// Calls `visitor` with each tool that `caller` sees, page by page, until it returns true. The
    /// error is the reason why the list is incomplete.
    pub(super) async fn visit(
        &self,
        caller: &Caller,
        mut visitor: impl FnMut(&Value) -> bool,
    ) -> Result<(), String> {
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let mut request = request(cursor.as_deref()).map_err(|error| error.to_string())?;
            request.extensions_mut().insert(caller.clone());
            let response = self.0.handle(request).await;
            let body = axum::body::to_bytes(Body::new(response.into_body()), MAX_PAGE_LEN);
            let body = body.await.map_err(|error| error.to_string())?;
            let answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
            let Some(tools) = answer["result"]["tools"].as_array() else {
                return Err(answer["error"]["message"]
                    .as_str()
                    .unwrap_or("the response has no list")
                    .to_owned());
            };
            if tools.iter().any(&mut visitor) {
                return Ok(());
            }
            cursor = answer["result"]["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(());
            }
        }
        Err(format!("the list has more than {MAX_PAGES} pages"))
    }
}

fn request(cursor: Option<&str>) -> Result<Request<Body>, Error> {
    let mut params = json!({
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "mcpo", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    });
    if let Some(cursor) = cursor {
        params["cursor"] = cursor.into();
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params });
    Request::post("http://localhost/mcp")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/list")
        .body(Body::from(body.to_string()))
        .map_err(error::internal)
}

fn fingerprint(tool: &Value) -> Option<String> {
    let name = tool["name"].as_str()?;
    let digest = |parts: &[&Value]| {
        let text = serde_json::to_vec(parts).unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(text).into();
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    };
    let schemas = digest(&[&tool["inputSchema"], &tool["outputSchema"]]);
    let all = digest(&[tool]);
    Some(format!("{name}:{schemas:x}:{all:x}"))
}
