//! TLS in front of the servers: they speak plain HTTP on this machine, and never know of it.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::copy_bidirectional,
    net::TcpStream,
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::certificate::Certificate;
use crate::error::{Failure, Outcome};

/// How long a client may take to say hello.
const HANDSHAKE: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 1024;
const PAUSE: Duration = Duration::from_millis(50);

/// The encrypted end.
pub struct Front {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    inside: SocketAddr,
}

impl Front {
    /// Leads from `listener` to `inside`.
    pub fn new(
        listener: TcpListener,
        certificate: &Certificate,
        inside: SocketAddr,
    ) -> Outcome<Self> {
        let failed =
            |error: &dyn std::error::Error| Failure::new("failed to set up TLS").because(error);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der.clone()], certificate.key.clone_key())
            .map_err(|error| failed(&error))?;
        Ok(Self {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            inside,
        })
    }

    /// Serves until stopped, and then lets connections end by themselves: the servers see to that.
    pub async fn run(self, stop: &CancellationToken) -> Outcome<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)
            .map_err(|error| Failure::new("failed to listen").because(&error))?;
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = stream else {
                // Out of descriptors, for example; that passes.
                sleep(PAUSE).await;
                continue;
            };
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else {
                return Ok(());
            };
            let (acceptor, inside) = (self.acceptor.clone(), self.inside);
            tokio::spawn(async move {
                // Who hangs up in the middle is nobody's trouble.
                let _ = serve(stream, &acceptor, inside).await;
                drop(permit);
            });
        }
    }
}

async fn serve(stream: TcpStream, acceptor: &TlsAcceptor, inside: SocketAddr) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut outside = timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let mut inside = TcpStream::connect(inside).await?;
    inside.set_nodelay(true)?;
    copy_bidirectional(&mut outside, &mut inside).await?;
    Ok(())
}
