//! A server as a process: from the environment to the last answer.

mod capacity;
mod connections;
mod signals;

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
};

use axum::Router;
use rmcp::ServerHandler;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use self::connections::Surface;
use crate::{
    app::App,
    base_url::BaseUrl,
    clock::Clock,
    config::Config,
    error::Error,
    log,
    mcp::{self, SharedHandler},
    parent, routes,
};

/// Connections that may wait to be accepted: enough for a burst while a new process starts.
const BACKLOG: u32 = 1024;
/// The exit code of a server that could not start.
const COULD_NOT_START: u8 = 2;

/// Serves `handler` as the environment says (see [`Config::from_env`]) until the process is told
/// to stop, by SIGTERM or Ctrl-C. Returns what `main` is to return: 2 if it could not start, and
/// then stderr says why.
///
/// Makes its own tokio runtime; from within one, use [`Server`].
pub fn serve<H: ServerHandler>(handler: H) -> ExitCode {
    serve_erased(SharedHandler::new(handler), |config| config)
}

/// Like [`serve()`], with settings that the environment has no name for:
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
pub fn serve_with<H: ServerHandler>(handler: H, adjust: fn(Config) -> Config) -> ExitCode {
    serve_erased(SharedHandler::new(handler), adjust)
}

fn serve_erased(handler: SharedHandler, adjust: fn(Config) -> Config) -> ExitCode {
    log::start();
    match try_serve(handler, adjust) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where a log filter could hide it, nobody would know why nothing runs.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(COULD_NOT_START)
        }
    }
}

fn try_serve(handler: SharedHandler, adjust: fn(Config) -> Config) -> Result<(), Error> {
    let config = adjust(Config::from_env()?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System {
            action: "start the async runtime",
            source,
        })?;
    runtime.block_on(Server::from_shared(handler, config).run())
}

/// A server that has not been started yet.
pub struct Server {
    handler: SharedHandler,
    config: Config,
    clock: Option<Arc<dyn Clock>>,
}

impl Server {
    /// A server of `handler`'s tools.
    pub fn new<H: ServerHandler>(handler: H, config: Config) -> Self {
        Self::from_shared(SharedHandler::new(handler), config)
    }

    /// The same for a handler whose type is erased already.
    #[must_use]
    pub const fn from_shared(handler: SharedHandler, config: Config) -> Self {
        Self {
            handler,
            config,
            clock: None,
        }
    }

    /// Takes the time from `clock` instead of from the system.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// All endpoints as a router, to be merged into an axum application at its root. The
    /// application serves it with `into_make_service_with_connect_info::<SocketAddr>()`, so that
    /// sign-in attempts are throttled by their source and requests of other machines for a loopback
    /// URL are refused; otherwise all sources count as one.
    pub async fn into_router(self) -> Result<Router, Error> {
        let port = self.config.listen.port();
        let (surface, _app) = self.build(port, None, &Stop::default()).await?;
        Ok(surface.router)
    }

    /// Listens as configured, or on the socket that a parent process handed over (`LISTEN_FDS`),
    /// and serves until SIGTERM or Ctrl-C. A `mcpo dev` that cannot hand over a socket leads
    /// connections here, to any free port of this machine.
    pub async fn run(self) -> Result<(), Error> {
        parent::is_under_dev(self.config.under_dev);
        let listener = listen(self.config.listen)?;
        let told_to_stop = signals::told_to_stop(self.config.under_dev)?;
        self.serve_on(listener, told_to_stop).await
    }

    /// Serves on `listener` until `told_to_stop` is ready. Then nothing new is accepted, calls in
    /// flight get 8 seconds to finish, and event streams end at once.
    pub async fn serve_on(
        self,
        listener: TcpListener,
        told_to_stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let address = listener.local_addr().map_err(|source| Error::System {
            action: "learn the address of the listening socket",
            source,
        })?;
        let stop = Stop::default();
        let under_dev = self.config.under_dev;
        parent::is_under_dev(under_dev);
        // Where others connect is not where we listen, if they are led here.
        let port = if parent::leads_here() {
            self.config.listen.port()
        } else {
            address.port()
        };
        let (surface, app) = self.build(port, Some(address.ip()), &stop).await?;
        announce(&app, address, under_dev);
        if under_dev {
            parent::say(&format!("X_MCPO_TOOLS={}", app.tools.join(" ")));
        }
        if parent::leads_here() {
            parent::say(&format!("X_MCPO_ADDRESS={address}"));
        }
        parent::say("READY=1");
        let proxies = &app.trusted_proxies;
        connections::serve(listener, surface, proxies, told_to_stop, &stop).await;
        Ok(())
    }

    /// `listens_on` is `None` where another server listens.
    async fn build(
        self,
        port: u16,
        listens_on: Option<IpAddr>,
        stop: &Stop,
    ) -> Result<(Surface, Arc<App>), Error> {
        let fallback = BaseUrl::parse(&format!("http://localhost:{port}"));
        let fallback = fallback.map_err(Error::internal)?;
        let base = self.config.base_url.as_ref().unwrap_or(&fallback);
        self.config.check_open_access(listens_on, base)?;
        let app = App::new(&self.config, fallback, &self.handler, self.clock).await?;
        let sessions = mcp::sessions(&app, self.handler, stop, self.config.under_dev);
        let endpoint = mcp::Endpoint::new(&app, sessions, &routes::cors());
        let router = routes::router(&app, endpoint.clone());
        Ok((Surface { router, endpoint }, app))
    }
}

/// The two moments of stopping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    /// The server was told to stop: streams that only wait for news end.
    pub(crate) begun: CancellationToken,
    /// Its time is up: everything ends.
    pub(crate) over: CancellationToken,
}

fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let failed = |source| Error::Listen { address, source };
    let handed_over = listenfd::ListenFd::from_env().take_tcp_listener(0);
    if let Some(listener) = handed_over.map_err(failed)? {
        listener.set_nonblocking(true).map_err(failed)?;
        return TcpListener::from_std(listener).map_err(failed);
    }
    let address = if parent::leads_here() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    } else {
        address
    };
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    };
    let socket = socket.map_err(failed)?;
    // On Windows this would let us take a port that somebody else listens on.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)
}

fn announce(app: &App, address: SocketAddr, under_dev: bool) {
    // `mcpo dev` has said it already, and better.
    if under_dev {
        return;
    }
    let base = app.bases.primary();
    if let Some(external) = &app.external {
        let issuer = external.issuer();
        tracing::info!(%address, url = %base.resource(), issuer, "serving; tokens come from elsewhere");
        return;
    }
    tracing::info!(%address, url = %base.resource(), sign_in = app.login.name(), "serving");
    if app.is_open() && !(base.is_loopback() && address.ip().is_loopback()) {
        tracing::warn!(
            url = %base,
            "anyone who reaches this server can use its tools: MCPO_OPEN_TO_ANYONE is set and no \
             sign-in is configured"
        );
    }
}
