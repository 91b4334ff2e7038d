//! The runtime, served on a real socket inside the test's process.

use std::{net::SocketAddr, sync::Arc};

use mcpo_runtime::{BaseUrl, Clock, Config, KeyRing, Server};
use rmcp::ServerHandler;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{clock::ManualClock, process::SECRET, sample::Sample};

/// A running server; it is stopped when the value goes.
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its time.
    pub clock: Arc<ManualClock>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// A key ring that is the same in every test, so that a server can be started again with it.
pub fn test_keys() -> KeyRing {
    KeyRing::parse(SECRET).expect("a valid ring")
}

impl TestServer {
    /// A server for one user whom nobody asks, with a ledger in memory.
    pub async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    /// A server with a configuration of the test's own.
    pub async fn start_with(change: impl FnOnce(Config) -> Config) -> Self {
        Self::start_on("127.0.0.1:0", Arc::default(), change).await
    }

    /// A server at a fixed address: one that is started again.
    pub async fn start_on(
        address: &str,
        clock: Arc<ManualClock>,
        change: impl FnOnce(Config) -> Config,
    ) -> Self {
        Self::start_serving(Sample, address, clock, change).await
    }

    /// A server with tools of the test's own.
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
            let told = async {
                let _ = stopped.await;
            };
            server.serve_on(listener, told).await.expect("a server");
        });
        Self {
            address,
            clock,
            stop: Some(stop),
            task,
        }
    }

    /// The URL that clients are told.
    pub fn base(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// Stops it and waits until it is gone.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.task.await.expect("a clean stop");
    }
}
