//! The runtime, served on a real socket inside the test process.

use std::{net::SocketAddr, sync::Arc};

use mcpo_runtime::{BaseUrl, Clock, Config, KeyRing, Server};
use rmcp::ServerHandler;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{clock::ManualClock, process::SECRET, sample::Sample};

/// A running server; it stops when the value is dropped.
pub struct TestServer {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The clock of the server.
    pub clock: Arc<ManualClock>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Returns a key ring that is the same in every test, so that a server can be restarted with it.
pub fn test_keys() -> KeyRing {
    KeyRing::parse(SECRET).expect("a valid ring")
}

impl TestServer {
    /// Starts a server for one user without sign-in, with an in-memory ledger.
    pub async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    /// Starts a server with a changed configuration.
    pub async fn start_with(change: impl FnOnce(Config) -> Config) -> Self {
        Self::start_on("127.0.0.1:0", Arc::default(), change).await
    }

    /// Starts a server at a fixed address, so that it can be restarted there.
    pub async fn start_on(
        address: &str,
        clock: Arc<ManualClock>,
        change: impl FnOnce(Config) -> Config,
    ) -> Self {
        Self::start_serving(Sample, address, clock, change).await
    }

    /// Starts a server with the given tools.
    pub async fn start_serving(
        handler: impl ServerHandler,
        address: &str,
        clock: Arc<ManualClock>,
        change: impl FnOnce(Config) -> Config,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let base = BaseUrl::parse(&format!("http://localhost:{}", address.port()));
        let config = change(Config::new(base.expect("a base URL"), test_keys()));
        let server = Server::new(handler, config).with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let signal = async {
                let _ = stopped.await;
            };
            server.serve_on(listener, signal).await.expect("a server");
        });
        Self {
            address,
            clock,
            stop: Some(stop),
            task,
        }
    }

    /// Returns the base URL that clients use.
    pub fn base(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// Stops the server and waits until it has finished.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.task.await.expect("a clean stop");
    }
}
