//! Connections: accepted without delay, bounded in number and patience, and finished politely.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tower_service::Service as _;

use super::{Stop, signals};
use crate::{mcp, routes};

/// Event streams hold a connection each; past this many, new ones wait in the backlog.
const MAX_CONNECTIONS: usize = 8192;
/// How long a client may take to send a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// The request line and all headers together. Sealed client ids and states are long.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Calls in flight get this long to finish; Cloud Run kills after 10 seconds.
const GRACE: Duration = Duration::from_secs(8);
/// After that, what is left gets this long to notice.
const LAST_MOMENTS: Duration = Duration::from_millis(500);
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

pub(super) async fn serve(
    listener: TcpListener,
    surface: Surface,
    told_to_stop: impl Future<Output = ()> + Send,
    stop: &Stop,
) {
    let connections = GracefulShutdown::new();
    accept_until(&listener, &surface, &connections, told_to_stop).await;
    drop(listener);
    signals::notify("STOPPING=1");
    tracing::info!("stopping: calls in flight may finish");
    stop.begun.cancel();
    let mut finished = pin!(connections.shutdown());
    if time::timeout(GRACE, finished.as_mut()).await.is_err() {
        tracing::warn!("some calls did not finish in time");
        stop.over.cancel();
        let _ = time::timeout(LAST_MOMENTS, finished).await;
    }
}

async fn accept_until(
    listener: &TcpListener,
    surface: &Surface,
    connections: &GracefulShutdown,
    told_to_stop: impl Future<Output = ()> + Send,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut told_to_stop = pin!(told_to_stop);
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut told_to_stop => return,
            accepted = accepted => match accepted {
                (Ok(permit), Ok((stream, peer))) => {
                    let watcher = connections.watcher();
                    tokio::spawn(connection(stream, peer, surface.clone(), watcher, permit));
                }
                (_, Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    time::sleep(AFTER_ERROR).await;
                }
                // The semaphore is never closed.
                (Err(_), _) => return,
            },
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    surface: Surface,
    watcher: Watcher,
    _permit: OwnedSemaphorePermit,
) {
    // Without it an answer in two parts waits 40 ms for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let Surface {
            mut endpoint,
            mut router,
        } = surface.clone();
        async move {
            let request = request.map(Body::new);
            // Nearly every request is a call, and needs no router to be told so.
            if request.uri().path() == routes::MCP {
                endpoint.call(request).await
            } else {
                router.call(request).await
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended early");
    }
}
