//! Builds a server from its configuration: the state of the endpoints, the router and the MCP
//! endpoint.

use std::{net::IpAddr, sync::Arc};

use mcpo_runtime_oauth::{
    assembly::{self, HandlerDescription},
    base::{
        clock::{Clock, SystemClock},
        error::Error,
    },
    config::{Config, ServerSettings},
    endpoints::router::{cors, router},
    oauth::paths,
    state::App,
};

use super::{acceptor::Service, shutdown::Shutdown};
use crate::mcp::{self, SharedHandler, ToolRegistry};

/// A server that only needs a listener.
pub(super) struct Assembled {
    pub(super) app: Arc<App>,
    pub(super) service: Service,
    /// The tools that `mcpo dev` compares.
    pub(super) tools: ToolRegistry,
}

/// Builds the server. `port` is part of the base URL if the configuration has none. `listens_on` is
/// `None` if another server listens.
pub(super) async fn assemble(
    config: &Config,
    handler: SharedHandler,
    clock: Option<Arc<dyn Clock>>,
    port: u16,
    listens_on: Option<IpAddr>,
    stop: &Shutdown,
) -> Result<Assembled, Error> {
    let settings = ServerSettings::of(config);
    let base = assembly::checked_base_url(config, port, listens_on)?;
    let clock = clock.unwrap_or_else(|| Arc::new(SystemClock));
    let (handler, tools) = mcp::read_tools(handler).await?;
    let description = HandlerDescription {
        card: mcp::card(&handler, settings.title),
        tool_scopes: &tools.scopes,
        tools: &|tokens| Arc::new(mcp::ListedTools::new(handler.clone(), tokens)),
    };
    let app = assembly::build_state(config, base, description, clock)?;
    let sessions = mcp::sessions(
        app.keys.clone(),
        handler.clone(),
        stop.begun.clone(),
        stop.over.clone(),
        settings.under_dev,
    );
    let endpoint = mcp::Endpoint::new(&app, handler, sessions, &cors());
    // Another server has its own pages at these paths.
    let has_whole_site = listens_on.is_some();
    let router = router(&app, has_whole_site)
        // The endpoint has its own copy of the layers.
        .route_service(paths::MCP, endpoint.clone())
        .with_state(Arc::clone(&app));
    Ok(Assembled {
        app,
        service: Service { router, endpoint },
        tools,
    })
}
