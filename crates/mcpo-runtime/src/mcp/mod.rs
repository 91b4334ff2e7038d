//! Serves `/mcp` with rmcp's Streamable HTTP in both protocol forms. rmcp's service is instantiated
//! only here.

mod catalogue;
mod demand;
mod endpoint;
mod erased;
mod server_card;
mod session;
mod session_limit;
mod sign_out;
mod tool_scopes;

use std::sync::Arc;

use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService,
    session::local::{LocalSessionManager, SessionConfig},
};

pub(crate) use self::{
    catalogue::catalogue,
    demand::{Ambiguous, Demand},
    endpoint::Endpoint,
    session::{Admission, Sessions},
    tool_scopes::{ToolScopes, UnknownScopes},
};
pub use self::{catalogue::needs_scopes, erased::SharedHandler};
use crate::{app::App, serve::Stop};

/// Returns rmcp's service, which the caller must protect with the token check.
pub(crate) fn sessions(
    app: &App,
    handler: SharedHandler,
    stop: &Stop,
    under_dev: bool,
) -> Sessions {
    let handler = handler.announcing_changes(under_dev);
    let mut sessions = LocalSessionManager::default();
    let mut session_config = SessionConfig::default();
    session_config.keep_alive = Some(session_limit::KEEP_ALIVE);
    sessions.session_config = session_config;
    let config = StreamableHttpServerConfig::default()
        // `host` checks both before the token is checked.
        .disable_allowed_hosts()
        .disable_allowed_origins()
        // In the stateless form, a single response is plain JSON.
        .with_json_response(true)
        .with_cancellation_token(stop.over.clone());
    let manager = Arc::new(sessions);
    let inner =
        StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&manager), config);
    let (keys, stop_begun) = (app.keys.clone(), stop.begun.clone());
    Sessions::new(inner, manager, keys, stop_begun, under_dev)
}
