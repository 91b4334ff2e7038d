//! Checks at start-up what the server says about itself.
//!
//! Clients show its title and icon to users, pass its instructions to the model, and use only what
//! its capabilities announce. If a server implements resources or prompts without announcing them,
//! no client uses them, so it does not start.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use http::{Request, header};
use rmcp::{
    ServerHandler as _,
    model::{ServerCapabilities, ServerConfig},
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::json;

use super::erased::SharedHandler;
use crate::base::error::Error;

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

/// Logs what is missing for users and models, one line each.
///
/// # Errors
///
/// Returns [`Error::Unannounced`] if the server implements methods that its capabilities do not
/// announce.
pub(super) async fn check(handler: &SharedHandler) -> Result<(), Error> {
    let info = handler.get_info();
    warn_of_missing(&info);
    let mut implemented = Vec::new();
    for (method, announced) in LISTS {
        if !announced.is_in(&info.capabilities) && is_implemented(handler, method).await? {
            implemented.push((method, announced));
        }
    }
    if implemented.is_empty() {
        return Ok(());
    }
    let methods: Vec<_> = implemented.iter().map(|(method, _)| *method).collect();
    Err(Error::Unannounced {
        methods: methods.join(", "),
        capabilities: builder(&info.capabilities, &implemented),
    })
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
    let _ = tokio::time::timeout(ANSWER_TIMEOUT, answering).await;
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
        .map_err(Error::internal)
}

/// Returns the expression that announces all implemented capabilities.
fn builder(capabilities: &ServerCapabilities, implemented: &[(&str, Announced)]) -> String {
    let is_there = |announced: Announced| {
        announced.is_in(capabilities) || implemented.iter().any(|(_, one)| *one == announced)
    };
    let calls = [
        (".enable_completions()", capabilities.completions.is_some()),
        (".enable_prompts()", is_there(Announced::Prompts)),
        (".enable_resources()", is_there(Announced::Resources)),
        (".enable_tools()", is_there(Announced::Tools)),
    ];
    let calls: String = calls
        .iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(call, _)| *call)
        .collect();
    format!("ServerCapabilities::builder(){calls}.build()")
}
