//! Connections: accepted without delay, bounded in number and patience, and finished politely.

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
use http::{HeaderValue, Request, Response, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service as _;

use super::Stop;
use crate::{connection::Connection, mcp, parent, routes};

/// Event streams hold a connection each; past this many, new ones wait in the backlog.
const MAX_CONNECTIONS: usize = 8192;
/// How long a client may take to send a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// The request line and all headers together. Sealed client ids and states are long.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Calls in flight get this long to finish; Cloud Run kills after 10 seconds.
const GRACE: Duration = Duration::from_secs(8);
/// A connection that is kept alive is not closed at once, or a request that is on its way would be
/// lost: for so long its next answer still comes, and says that it is the last.
const LINGER: Duration = Duration::from_secs(1);
/// After that, what is left gets this long to notice.
const LAST_MOMENTS: Duration = Duration::from_millis(500);
/// Connections that have come in already are there within this time.
const NO_MORE: Duration = Duration::from_millis(20);
/// A pause after an error that comes from a lack of descriptors or memory.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// What connections lead to.
#[derive(Clone)]
pub(super) struct Surface {
    /// Everything.
    pub(super) router: Router,
    /// What the router has at `/mcp`.
    pub(super) endpoint: mcp::Endpoint,
}

impl Surface {
    async fn call(
        mut self,
        mut request: Request<Body>,
        about: &About,
    ) -> Result<Response<Body>, Infallible> {
        // Nearly every request is a call, and needs no router to be told so. The future is large,
        // and would be moved with each one around it.
        if request.uri().path() == routes::MCP {
            let memory = Arc::clone(&about.memory);
            Ok(Box::pin(self.endpoint.answer(request, memory)).await)
        } else {
            request.extensions_mut().insert(ConnectInfo(about.peer));
            self.router.call(request).await
        }
    }
}

pub(super) async fn serve(
    listener: TcpListener,
    surface: Surface,
    told_to_stop: impl Future<Output = ()> + Send,
    stop: &Stop,
) {
    let connections = TaskTracker::new();
    let guests = Guests {
        listener,
        room: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        surface,
        stop_begun: stop.begun.clone(),
        connections: connections.clone(),
    };
    guests.accept_until(told_to_stop).await;
    if parent::leads_here() {
        guests.accept_the_last().await;
    }
    drop(guests);
    parent::say("STOPPING=1");
    tracing::debug!("stopping: calls in flight may finish");
    stop.begun.cancel();
    connections.close();
    if time::timeout(GRACE, connections.wait()).await.is_err() {
        tracing::warn!("some calls did not finish in time");
        stop.over.cancel();
        let _ = time::timeout(LAST_MOMENTS, connections.wait()).await;
    }
}

/// Whoever connects.
struct Guests {
    listener: TcpListener,
    room: Arc<Semaphore>,
    surface: Surface,
    stop_begun: CancellationToken,
    connections: TaskTracker,
}

impl Guests {
    async fn accept_until(&self, told_to_stop: impl Future<Output = ()> + Send) {
        let mut told_to_stop = pin!(told_to_stop);
        loop {
            tokio::select! {
                biased;
                () = &mut told_to_stop => return,
                () = self.accept() => {}
            }
        }
    }

    /// Nobody else takes what has come in at a socket of our own, and nothing new is led here once
    /// we are told to stop.
    async fn accept_the_last(&self) {
        let all = async { while time::timeout(NO_MORE, self.accept()).await.is_ok() {} };
        let _ = time::timeout(LINGER, all).await;
    }

    async fn accept(&self) {
        let permit = Arc::clone(&self.room).acquire_owned().await;
        match (permit, self.listener.accept().await) {
            (Ok(permit), Ok((stream, peer))) => {
                let (surface, stop_begun) = (self.surface.clone(), self.stop_begun.clone());
                let served = connection(stream, peer, surface, stop_begun, permit);
                self.connections.spawn(served);
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "cannot accept a connection");
                time::sleep(AFTER_ERROR).await;
            }
            // The semaphore is never closed.
            (Err(_), _) => std::future::pending().await,
        }
    }
}

/// What the answers on one connection share.
struct About {
    peer: SocketAddr,
    memory: Arc<Connection>,
    used: AtomicBool,
    stop_begun: CancellationToken,
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    surface: Surface,
    stop_begun: CancellationToken,
    _permit: OwnedSemaphorePermit,
) {
    // Without it an answer in two parts waits 40 ms for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let about = Arc::new(About {
        peer,
        memory: Arc::default(),
        used: AtomicBool::new(false),
        stop_begun,
    });
    let service = {
        let about = Arc::clone(&about);
        service_fn(move |request: Request<Incoming>| {
            about.used.store(true, Ordering::Relaxed);
            let (surface, about) = (surface.clone(), Arc::clone(&about));
            async move {
                let answered = surface.call(request.map(Body::new), &about).await;
                answered.map(|mut response| {
                    if about.stop_begun.is_cancelled() {
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
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let stopping = async {
        about.stop_begun.cancelled().await;
        time::sleep(LINGER).await;
    };
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stopping => {
            // One that was opened in advance and never used would wait for its first request.
            if !about.used.load(Ordering::Relaxed) {
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
