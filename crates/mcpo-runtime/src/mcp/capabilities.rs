//! Checks at start-up what the server says about itself.
//!
//! Clients show its title and icon to users, pass its instructions to the model, and use only what
//! its capabilities announce. rmcp's macros announce tools only, so the runtime announces resources
//! and prompts that a server implements: otherwise no client would use them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use http::{Request, header};
use mcpo_runtime_oauth::base::error::{self, Error};
use rmcp::{
    ServerHandler as _,
    model::{ServerCapabilities, ServerConfig},
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::json;

use super::erased::SharedHandler;

/// The time limit for one response of the server. If it takes longer, the server starts unchecked.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER_LEN: usize = 8 * 1024 * 1024;
/// The listing methods and the capability that announces each.
const LISTS: [(&str, Announced); 4] = [
    ("tools/list", Announced::Tools),
    ("resources/list", Announced::Resources),
    ("resources/templates/list", Announced::Resources),
    ("prompts/list", Announced::Prompts),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Announced {
    Tools,
    Resources,
    Prompts,
}

impl Announced {
    const fn is_in(self, capabilities: &ServerCapabilities) -> bool {
        match self {
            Self::Tools => capabilities.tools.is_some(),
            Self::Resources => capabilities.resources.is_some(),
            Self::Prompts => capabilities.prompts.is_some(),
        }
    }
}

/// The capabilities that a server implements but does not announce in its `get_info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unannounced {
    tools: bool,
    resources: bool,
    prompts: bool,
}

impl Unannounced {
    /// Adds these capabilities to those that clients are sent.
    pub(super) fn add_to(self, capabilities: &mut ServerCapabilities) {
        if self.tools {
            capabilities.tools.get_or_insert_default();
        }
        if self.resources {
            capabilities.resources.get_or_insert_default();
        }
        if self.prompts {
            capabilities.prompts.get_or_insert_default();
        }
    }

    const fn includes(self, announced: Announced) -> bool {
        match announced {
            Announced::Tools => self.tools,
            Announced::Resources => self.resources,
            Announced::Prompts => self.prompts,
        }
    }

    const fn insert(&mut self, announced: Announced) {
        match announced {
            Announced::Tools => self.tools = true,
            Announced::Resources => self.resources = true,
            Announced::Prompts => self.prompts = true,
        }
    }
}

/// Logs what is missing for users and models, one line each. Returns what the server implements but
/// does not announce.
pub(super) async fn check(handler: &SharedHandler) -> Result<Unannounced, Error> {
    let info = handler.get_info();
    warn_of_missing(&info);
    let mut unannounced = Unannounced::default();
    for (method, announced) in LISTS {
        if announced.is_in(&info.capabilities) || unannounced.includes(announced) {
            continue;
        }
        if is_implemented(handler, method).await? {
            unannounced.insert(announced);
        }
    }
    Ok(unannounced)
}

fn warn_of_missing(info: &ServerConfig) {
    let is_empty = |text: Option<&String>| text.is_none_or(|text| text.trim().is_empty());
    if is_empty(info.instructions.as_ref()) {
        tracing::warn!(
            set_with = "ServerConfig::with_instructions",
            "the server has no instructions for the model"
        );
    }
    if is_empty(info.server_info.title.as_ref()) {
        tracing::warn!(
            set_with = "Implementation::with_title",
            "the server has no title for people"
        );
    }
    if info.server_info.icons.as_ref().is_none_or(Vec::is_empty) {
        tracing::warn!(
            set_with = "Implementation::with_icons",
            "the server has no icon for people"
        );
    }
}

/// Returns true if the handler itself responds to the method, even with an error.
async fn is_implemented(handler: &SharedHandler, method: &'static str) -> Result<bool, Error> {
    let implemented = Arc::new(AtomicBool::new(false));
    let handler = handler.clone().for_inquiry(Arc::clone(&implemented));
    let service = StreamableHttpService::new(
        move || Ok(handler.clone()),
        // The same type as in the endpoint, so that it is compiled only once.
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true),
    );
    let request = request(method)?;
    let answering = async {
        let response = service.handle(request).await;
        axum::body::to_bytes(Body::new(response.into_body()), MAX_ANSWER_LEN).await
    };
    // Only whether the handler itself responded matters; the response is not used.
    if tokio::time::timeout(ANSWER_TIMEOUT, answering)
        .await
        .is_err()
    {
        tracing::warn!(
            method,
            "no response at start-up, so the server announces only what its get_info contains"
        );
    }
    Ok(implemented.load(Ordering::Relaxed))
}

fn request(method: &'static str) -> Result<Request<Body>, Error> {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": method,
        "params": { "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "mcpo", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        } },
    });
    Request::post("http://localhost/mcp")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .body(Body::from(body.to_string()))
        .map_err(error::internal)
}
