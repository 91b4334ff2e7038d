//! A load balancer in front of many instances. It sends requests to the instances in turn, without
//! session affinity.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

use super::transport::{self, SendError};

/// A load balancer on a port of this machine; it stops when dropped.
pub struct Balancer {
    pub port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    instances: Mutex<Vec<u16>>,
    turn: AtomicUsize,
    broken: AtomicUsize,
}

impl Balancer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                let service = service_fn(move |request| {
                    let shared = Arc::clone(&shared);
                    async move { Ok::<_, hyper::Error>(shared.forward(peer, request).await) }
                });
                tokio::spawn(async move {
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { port, shared, task }
    }

    /// Adds an instance.
    pub fn add(&self, instance: u16) {
        self.shared.instances.lock().unwrap().push(instance);
    }

    /// Returns the number of requests that were in flight when their instance ended.
    pub fn broken(&self) -> usize {
        self.shared.broken.load(Ordering::Relaxed)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Forwards a request to the next reachable instance. A request that was sent is never
    /// repeated.
    async fn forward(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let SocketAddr::V4(peer) = peer else {
            unreachable!("it listens on IPv4 only")
        };
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return plain(StatusCode::BAD_REQUEST);
        };
        let body = body.to_bytes();
        let count = self.instances.lock().unwrap().len();
        for _ in 0..count {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count;
            let port = self.instances.lock().unwrap()[turn];
            let request = Request::from_parts(parts.clone(), Full::new(body.clone()));
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match transport::send(*peer.ip(), to, request).await {
                Ok(answer) => return answer.map(Full::new),
                Err(SendError::NotSent) => {}
                Err(SendError::InFlight) => {
                    self.broken.fetch_add(1, Ordering::Relaxed);
                    return plain(StatusCode::BAD_GATEWAY);
                }
            }
        }
        plain(StatusCode::SERVICE_UNAVAILABLE)
    }
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}
