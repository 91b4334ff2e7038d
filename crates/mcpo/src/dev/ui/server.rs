//! Accepts the connections of browsers.

use std::{convert::Infallible, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinSet};

use super::endpoints::Endpoints;

/// How many connections are open at the same time. A page needs one for its events, and browsers
/// open some more.
const MAX_CONNECTIONS: usize = 64;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum size of the head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;

/// Serves until dropped.
pub async fn serve(listener: &TcpListener, endpoints: &Endpoints) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // For example too many open files.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let endpoints = endpoints.clone();
        let service = service_fn(move |request| {
            let endpoints = endpoints.clone();
            async move { Ok::<_, Infallible>(endpoints.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        connections.spawn(connection);
    }
}
