//! Accepts connections without delay, limits their number and timeouts, and finishes them
//! gracefully.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use mcpo_runtime_oauth::{
    base::{dev_channel, task},
    net::{
        capacity::{Capacity, Permit, TooManyFromSource},
        client_ip::{TrustedProxies, trusts_peer},
        throttle::Source,
    },
    oauth::paths,
    resource_server::connection_cache::Connection,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service as _;

use super::shutdown::Shutdown;
use crate::mcp;

/// How long a client may take to send the headers of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// The limit for the request line and all headers together, in bytes. Sealed client ids and states
/// are long. hyper's own limit applies to a buffer, which may contain one more read.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// How long a refused client may take to read the reason.
const REJECT_TIMEOUT: Duration = Duration::from_millis(500);
/// How many rejections are written at the same time. Other connections are closed without one.
const MAX_REJECTIONS: usize = 64;
/// How long calls in flight may take to finish. Cloud Run kills the process after 10 seconds.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a keep-alive connection stays open after the stop, so that a request in transit is not
/// lost. Its next response says that it is the last one.
const KEEP_ALIVE_DRAIN: Duration = Duration::from_secs(1);
/// How long connections may take to end after [`DRAIN_TIMEOUT`] is over.
const ABORT_TIMEOUT: Duration = Duration::from_millis(500);
/// How long to wait for one more connection that has already arrived.
const BACKLOG_IDLE_TIMEOUT: Duration = Duration::from_millis(20);
/// The pause after an error that is caused by a lack of file descriptors or memory.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The services that connections use.
#[derive(Clone)]
pub(super) struct Service {
    /// All endpoints.
    pub(super) router: Router,
    /// The service that the router has at `/mcp`.
    pub(super) endpoint: mcp::Endpoint,
}

impl Service {
    async fn call(
        mut self,
        mut request: Request<Body>,
        state: &ConnectionState,
    ) -> Result<Response<Body>, Infallible> {
        if header_bytes(&request) > MAX_HEADER_BYTES {
            return Ok(headers_too_large());
        }
        // Almost every request is a call, so skip the router for `/mcp`. The futures are boxed
        // because they are large and would be moved with each future around them.
        if request.uri().path() == paths::MCP {
            let connection = Arc::clone(&state.connection);
            Ok(Box::pin(self.endpoint.answer(request, connection)).await)
        } else {
            request.extensions_mut().insert(ConnectInfo(state.peer));
            Box::pin(self.router.call(request)).await
        }
    }
}

/// Returns the size of the request line and the headers on the wire, without the separators.
fn header_bytes(request: &Request<Body>) -> usize {
    let line = request
        .uri()
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    let headers = request.headers().iter();
    line + headers.fold(0, |sum, (name, value)| {
        sum + name.as_str().len() + value.len()
    })
}

fn headers_too_large() -> Response<Body> {
    let body = format!(
        "{{\"error\":\"invalid_request\",\"error_description\":\"the request line and headers are \
         longer than {MAX_HEADER_BYTES} bytes\"}}"
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

pub(super) async fn serve(
    listener: TcpListener,
    service: Service,
    trusted_proxies: &TrustedProxies,
    shutdown_requested: impl Future<Output = ()> + Send,
    stop: &Shutdown,
) {
    let connections = TaskTracker::new();
    let acceptor = Acceptor {
        listener,
        capacity: Capacity::of_process(),
        trusted_proxies: trusted_proxies.clone(),
        rejections: Arc::new(Semaphore::new(MAX_REJECTIONS)),
        service,
        stop_begun: stop.begun.clone(),
        connections: connections.clone(),
    };
    acceptor.accept_until(shutdown_requested).await;
    if dev_channel::is_proxied() {
        acceptor.accept_backlog().await;
    }
    drop(acceptor);
    dev_channel::send("STOPPING=1");
    tracing::debug!("stopping: calls in flight may finish");
    stop.begun.cancel();
    connections.close();
    if time::timeout(DRAIN_TIMEOUT, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!("stopping before all calls have finished");
        stop.over.cancel();
        let _ = time::timeout(ABORT_TIMEOUT, connections.wait()).await;
    }
}

/// Accepts and serves connections.
struct Acceptor {
    listener: TcpListener,
    capacity: Capacity,
    trusted_proxies: TrustedProxies,
    rejections: Arc<Semaphore>,
    service: Service,
    stop_begun: CancellationToken,
    connections: TaskTracker,
}

impl Acceptor {
    async fn accept_until(&self, shutdown_requested: impl Future<Output = ()> + Send) {
        let mut shutdown_requested = pin!(shutdown_requested);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown_requested => return,
                () = self.accept() => {}
            }
        }
    }

    /// Accepts the connections that have already arrived. No other process shares a socket that
    /// this process opened itself, and no new connections are forwarded here after the stop.
    async fn accept_backlog(&self) {
        let all = async {
            while time::timeout(BACKLOG_IDLE_TIMEOUT, self.accept())
                .await
                .is_ok()
            {}
        };
        let _ = time::timeout(KEEP_ALIVE_DRAIN, all).await;
    }

    async fn accept(&self) {
        let permit = self.capacity.permit().await;
        match (permit, self.listener.accept().await) {
            (Some(permit), Ok((stream, peer))) => self.begin(stream, peer, permit),
            (_, Err(error)) => {
                tracing::warn!(%error, "cannot accept a connection");
                time::sleep(ACCEPT_RETRY_DELAY).await;
            }
            // The semaphore is never closed.
            (None, _) => std::future::pending().await,
        }
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr, mut permit: Permit) {
        if !trusts_peer(&self.trusted_proxies, peer.ip()) {
            let source = Source::of(peer.ip());
            if let Err(refusal) = permit.count(&self.capacity, source) {
                return self.reject(stream, source, &refusal);
            }
        }
        let (service, stop_begun) = (self.service.clone(), self.stop_begun.clone());
        let served = connection(stream, peer, service, stop_begun, permit);
        self.connections.spawn(task::erased(served));
    }

    /// Sends the reason and closes the connection, without reading the request.
    fn reject(&self, mut stream: TcpStream, source: Source, refusal: &TooManyFromSource) {
        let Ok(rejection) = Arc::clone(&self.rejections).try_acquire_owned() else {
            return;
        };
        let (address, limit) = (source.address(), refusal.limit);
        tracing::warn!(%address, limit, "too many connections from one source");
        let body = format!(
            "{{\"error\":\"temporarily_unavailable\",\"error_description\":\"too many connections \
             from {address}: at most {limit} are allowed\"}}"
        );
        let response = format!(
            "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 5\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.connections.spawn(task::erased(async move {
            let answered = async {
                stream.write_all(response.as_bytes()).await?;
                stream.shutdown().await?;
                // Closing with unread data would reset the connection, and the response would be
                // lost.
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await? > 0 {}
                std::io::Result::Ok(())
            };
            let _ = time::timeout(REJECT_TIMEOUT, answered).await;
            drop(rejection);
        }));
    }
}

/// The state that all requests on one connection share.
struct ConnectionState {
    peer: SocketAddr,
    connection: Arc<Connection>,
    used: AtomicBool,
    stop_begun: CancellationToken,
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    service: Service,
    stop_begun: CancellationToken,
    _permit: Permit,
) {
    // Otherwise a response in two parts waits 40 ms for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let state = Arc::new(ConnectionState {
        peer,
        connection: Arc::new(Connection {
            peer: Some(peer),
            ..Connection::default()
        }),
        used: AtomicBool::new(false),
        stop_begun,
    });
    let http_service = {
        let state = Arc::clone(&state);
        service_fn(move |request: Request<Incoming>| {
            state.used.store(true, Ordering::Relaxed);
            let (service, state) = (service.clone(), Arc::clone(&state));
            async move {
                let answered = service.call(request.map(Body::new), &state).await;
                answered.map(|mut response| {
                    if state.stop_begun.is_cancelled() {
                        let close = HeaderValue::from_static("close");
                        response.headers_mut().insert(header::CONNECTION, close);
                    }
                    response
                })
            }
        })
    };
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), http_service);
    let mut served = pin!(served);
    let stopping = async {
        state.stop_begun.cancelled().await;
        time::sleep(KEEP_ALIVE_DRAIN).await;
    };
    let ended = tokio::select! {
        biased;
        ended = served.as_mut() => ended,
        () = stopping => {
            // A connection that was opened in advance and never used would wait for its first
            // request.
            if !state.used.load(Ordering::Relaxed) {
                return;
            }
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}
