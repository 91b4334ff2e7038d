//! What a server's tools need: read off the tools themselves, before anybody asks.

use std::{collections::HashMap, sync::Arc};

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
use crate::{Error, scope::Scopes};

/// Where a tool's scopes stand in its `_meta`.
const SCOPES_KEY: &str = "mcpo/scopes";
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
/// A call without them is answered 403 with a challenge that names them, on which clients ask
/// the person for more (MCP authorization, step-up).
#[must_use]
pub fn needs_scopes(scopes: &[&str]) -> MetaObject {
    let mut meta = MetaObject::default();
    meta.insert(SCOPES_KEY.to_owned(), json!(scopes));
    meta
}

/// What a server's tools are and need.
#[derive(Default)]
pub(crate) struct Catalogue {
    /// The scopes of those that need any.
    pub(crate) scopes: HashMap<String, Scopes>,
    /// One word a tool: its name, and fingerprints of its schemas and of its texts.
    pub(crate) fingerprints: Vec<String>,
}

/// Asks the server for its tools as a client would.
pub(crate) async fn catalogue(handler: &SharedHandler) -> Result<Catalogue, Error> {
    server_card::check(handler).await?;
    let handler = handler.clone();
    let service = StreamableHttpService::new(
        move || Ok(handler.clone()),
        // Never asked; the same type as in the endpoint, so that it is compiled once.
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true),
    );
    let mut found = Catalogue::default();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let response = service.handle(request(cursor.as_deref())?).await;
        let body = axum::body::to_bytes(Body::new(response.into_body()), MAX_PAGE_LEN);
        let body = body.await.map_err(Error::internal)?;
        // A server that does not list its tools to a stranger has none that need scopes.
        let Ok(answer) = serde_json::from_slice::<Value>(&body) else {
            break;
        };
        collect(&answer["result"]["tools"], &mut found)?;
        cursor = answer["result"]["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(found)
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

fn collect(tools: &Value, found: &mut Catalogue) -> Result<(), Error> {
    for tool in tools.as_array().into_iter().flatten() {
        found.fingerprints.extend(fingerprint(tool));
        let Some(declared) = tool["_meta"].get(SCOPES_KEY) else {
            continue;
        };
        let name = tool["name"].as_str().unwrap_or_default();
        let names = declared.as_array().into_iter().flatten();
        let text: Vec<&str> = names.filter_map(Value::as_str).collect();
        let scopes = Scopes::parse(&text.join(" ")).ok_or_else(|| Error::ToolScopes {
            tool: name.to_owned(),
            scopes: declared.to_string(),
        })?;
        found.scopes.insert(name.to_owned(), scopes);
    }
    Ok(())
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
