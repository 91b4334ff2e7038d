//! Runs a server as a process, from reading the environment to the last response.

mod acceptor;
mod assembly;
mod shutdown;

use std::{fmt, io::Write as _, net::SocketAddr, process::ExitCode, sync::Arc};

use axum::Router;
use mcpo_runtime_oauth::{
    base::{
        clock::Clock,
        dev_channel,
        error::{self, Error},
    },
    config::{Config, ServerSettings},
    logging,
    net::listener::listen,
    state::App,
};
use rmcp::ServerHandler;
use serde_json::Value;
use tokio::net::TcpListener;

use self::{
    assembly::{Assembled, assemble},
    shutdown::Shutdown,
};
use crate::mcp::{self, SharedHandler};

/// A UDP datagram has at most 65,507 bytes, including the prefix and a key.
const MAX_DEFINITIONS_LEN: usize = 60_000;
/// The exit code of a server that cannot start.
const STARTUP_FAILED: u8 = 2;

/// Serves `handler` as the environment specifies (see [`Config::from_env`]) until the process
/// receives SIGTERM or Ctrl-C. Returns the exit code for `main`: 2 if the server cannot start,
/// after printing the reason to stderr.
///
/// Creates its own tokio runtime. Use [`Server`] if you already have one.
pub fn serve<H: ServerHandler>(handler: H) -> ExitCode {
    serve_erased(
        SharedHandler::new(handler),
        Box::new(std::convert::identity),
    )
}

/// Like [`serve()`], with settings that have no environment variable. `adjust` gets the
/// configuration from the environment and may capture values:
///
/// ```no_run
/// # #[derive(Clone)] struct MyService;
/// # impl rmcp::ServerHandler for MyService {}
/// # fn main() -> std::process::ExitCode {
/// mcpo_runtime::serve_with(MyService, |config| {
///     config.with_implied_scopes("admin", &["notes:write", "notes:delete"])
/// })
/// # }
/// ```
pub fn serve_with<H: ServerHandler>(handler: H, adjust: impl FnOnce(Config) -> Config) -> ExitCode {
    serve_erased(SharedHandler::new(handler), Box::new(adjust))
}

/// The closure without its type, so that this crate is not generic over it.
type Adjust<'a> = Box<dyn FnOnce(Config) -> Config + 'a>;

fn serve_erased(handler: SharedHandler, adjust: Adjust<'_>) -> ExitCode {
    let is_logging = logging::start();
    match try_serve(handler, adjust, is_logging) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Always to stderr, because a log filter could hide the reason.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(STARTUP_FAILED)
        }
    }
}

/// If `is_logging` is false, the program has its own logging, which gets each line at once.
fn try_serve(handler: SharedHandler, adjust: Adjust<'_>, is_logging: bool) -> Result<(), Error> {
    let config = adjust(Config::from_env()?);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if is_logging {
        runtime
            .on_thread_start(|| mcp::let_lines_wait(write_waiting_lines))
            .on_thread_park(write_waiting_lines);
    }
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|source| error::system("start the async runtime", source))?;
    let served = runtime.block_on(Server::from_shared(handler, config).run());
    // The end of the runtime waits for tools that block their thread.
    write_waiting_lines();
    drop(runtime);
    write_waiting_lines();
    served
}

fn write_waiting_lines() {
    logging::together(mcp::write_waiting);
}

/// A server that has not been started yet.
#[must_use = "a server does nothing until it is run"]
pub struct Server {
    handler: SharedHandler,
    config: Config,
    clock: Option<Arc<dyn Clock>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Creates a server of `handler`'s tools.
    pub fn new<H: ServerHandler>(handler: H, config: Config) -> Self {
        Self::from_shared(SharedHandler::new(handler), config)
    }

    /// Like [`Self::new`], for a handler whose type is already erased.
    pub const fn from_shared(handler: SharedHandler, config: Config) -> Self {
        Self {
            handler,
            config,
            clock: None,
        }
    }

    /// Uses `clock` instead of the system clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Returns all endpoints as a router, to merge into the root of an axum application. Serve the
    /// application with `into_make_service_with_connect_info::<SocketAddr>()`. Then sign-in
    /// attempts are throttled by source, and requests from other machines to a loopback URL are
    /// refused. Otherwise all sources count as one.
    pub async fn into_router(self) -> Result<Router, Error> {
        let port = ServerSettings::of(&self.config).listen.port();
        let stop = Shutdown::default();
        let Self {
            handler,
            config,
            clock,
        } = self;
        let assembled = assemble(&config, handler, clock, port, None, &stop).await?;
        Ok(assembled.service.router)
    }

    /// Listens as configured, or on the socket that a parent process passed (`LISTEN_FDS`), and
    /// serves until SIGTERM or Ctrl-C. If `mcpo dev` cannot pass a socket, it forwards connections
    /// to any free port of this machine.
    pub async fn run(self) -> Result<(), Error> {
        let ServerSettings {
            listen: address,
            under_dev,
            ..
        } = ServerSettings::of(&self.config);
        dev_channel::set_under_dev(under_dev);
        let listener = listen(address)?;
        let shutdown_requested = shutdown::shutdown_requested(under_dev)?;
        self.serve_on(listener, shutdown_requested).await
    }

    /// Serves on `listener` until `shutdown_requested` completes. Then the server accepts no new
    /// connections, calls in flight get 8 seconds to finish, and event streams end immediately.
    pub async fn serve_on(
        self,
        listener: TcpListener,
        shutdown_requested: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let address = listener
            .local_addr()
            .map_err(|source| error::system("get the address of the listening socket", source))?;
        let stop = Shutdown::default();
        let settings = ServerSettings::of(&self.config);
        let (under_dev, configured) = (settings.under_dev, settings.listen);
        dev_channel::set_under_dev(under_dev);
        // If connections are forwarded here, clients use another port than the one we listen on.
        let port = if dev_channel::is_proxied() {
            configured.port()
        } else {
            address.port()
        };
        let Assembled {
            app,
            service,
            tools,
        } = assemble(
            &self.config,
            self.handler,
            self.clock,
            port,
            Some(address.ip()),
            &stop,
        )
        .await?;
        announce(&app, address, under_dev);
        if under_dev {
            dev_channel::send(&format!("X_MCPO_TOOLS={}", tools.fingerprints.join(" ")));
            let definitions = Value::from(tools.definitions).to_string();
            // `mcpo dev` compares less if a datagram cannot contain the definitions.
            if definitions.len() <= MAX_DEFINITIONS_LEN {
                dev_channel::send(&format!("X_MCPO_DEFINITIONS={definitions}"));
            }
        }
        if dev_channel::is_proxied() {
            dev_channel::send(&format!("X_MCPO_ADDRESS={address}"));
        }
        dev_channel::send("READY=1");
        let proxies = &app.trusted_proxies;
        acceptor::serve(listener, service, proxies, shutdown_requested, &stop).await;
        Ok(())
    }
}

fn announce(app: &App, address: SocketAddr, under_dev: bool) {
    // `mcpo dev` has already printed this.
    if under_dev {
        return;
    }
    let base = app.bases.primary();
    if let Some(external) = &app.external {
        let issuer = external.issuer();
        tracing::info!(%address, url = %base.resource(), issuer, "serving with an external authorization server");
        return;
    }
    tracing::info!(%address, url = %base.resource(), sign_in = app.login.name(), "serving");
    if app.is_open() && !(base.is_loopback() && address.ip().is_loopback()) {
        tracing::warn!(
            url = %base,
            "anyone who can connect can use the tools: MCPO_OPEN_TO_ANYONE is set and no \
             sign-in is configured"
        );
    }
}
