//! What a server's tools need: read off the tools themselves, before anybody asks.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, header};
use rmcp::{
    model::MetaObject,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{SharedHandler, server_card};
use crate::{Error, caller::Caller, scope::Scopes};

/// Where a tool's scopes stand in its `_meta`.
pub(super) const SCOPES_KEY: &str = "mcpo/scopes";
/// A list that goes on for longer is not a list.
const MAX_PAGES: usize = 100;
const MAX_PAGE_LEN: usize = 8 * 1024 * 1024;

/// The scopes that a tool needs beside the base scope, declared where the tool is:
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
/// They are read from the tool at each call: from `ServerHandler::get_tool`, which rmcp's macros
/// implement, or else from the list of tools as the caller sees it. A change of them counts within a
/// second.
///
/// A call without them is answered 403 with a challenge that names them, on which clients ask
/// the person for more (MCP authorization, step-up).
#[must_use]
pub fn needs_scopes(scopes: &[&str]) -> MetaObject {
    let mut meta = MetaObject::default();
    meta.insert(SCOPES_KEY.to_owned(), json!(scopes));
    meta
}

/// What a server's tools are and need, as far as it is known before anyone calls one.
#[derive(Default)]
pub(crate) struct Catalogue {
    /// All scopes that any of them needs.
    pub(crate) scopes: Scopes,
    /// One word a tool: its name, and fingerprints of its schemas and of its texts.
    pub(crate) fingerprints: Vec<String>,
}

/// Lists the server's tools as an anonymous caller sees them.
///
/// A list that cannot be had does not keep the server from starting, because no decision rests on
/// it: each call asks for the scopes of its tool again (see [`super::ToolScopes`]).
pub(crate) async fn catalogue(handler: &SharedHandler) -> Result<Catalogue, Error> {
    server_card::check(handler).await?;
    let listing = Listing::new(handler.clone());
    let mut found = Catalogue::default();
    let mut tools = Vec::new();
    let stranger = Caller::anonymous();
    let listed = listing.visit(&stranger, |tool| {
        tools.push(tool.clone());
        false
    });
    if let Err(error) = listed.await {
        tracing::warn!(
            error,
            "the tools cannot be listed at start, so the scopes that they need are not advertised \
             until they are called"
        );
    }
    for tool in &tools {
        found.fingerprints.extend(fingerprint(tool));
        let name = tool["name"].as_str().unwrap_or_default();
        let scopes = declared_scopes(tool["_meta"].get(SCOPES_KEY))
            .map_err(|declared| Error::tool_scopes(name, declared))?;
        let known = handler.tool_scopes(name).transpose();
        let known = known.map_err(|declared| Error::tool_scopes(name, declared))?;
        if known.is_some_and(|known| known != scopes) {
            return Err(Error::ToolScopesDiffer {
                tool: name.to_owned(),
            });
        }
        found.scopes = found.scopes.union(&scopes);
    }
    Ok(found)
}

/// The scopes that `_meta` of a tool declares; an error is what cannot be read as scopes.
pub(super) fn declared_scopes(declared: Option<&Value>) -> Result<Scopes, String> {
    let Some(declared) = declared else {
        return Ok(Scopes::default());
    };
    let unreadable = || declared.to_string();
    let names = declared.as_array().ok_or_else(unreadable)?;
    let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
    let text = names.ok_or_else(unreadable)?.join(" ");
    Scopes::parse(&text).ok_or_else(unreadable)
}

/// Asks a server for its tools as a client would.
pub(super) struct Listing(StreamableHttpService<SharedHandler, LocalSessionManager>);

impl Listing {
    pub(super) fn new(handler: SharedHandler) -> Self {
        Self(StreamableHttpService::new(
            move || Ok(handler.clone()),
            // Never asked; the same type as in the endpoint, so that it is compiled once.
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default()
                .with_legacy_session_mode(false)
                .with_json_response(true),
        ))
    }

    /// Shows `visitor` each tool that `caller` sees, page by page, until it has seen enough. An error
    /// says why the list is not complete.
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
                    .unwrap_or("no list")
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
        .map_err(Error::internal)
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
