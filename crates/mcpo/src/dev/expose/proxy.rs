//! The proxy in front of the servers: terminates TLS, if enabled, and forwards connections to the
//! current server. A server always sees plain HTTP from this machine.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use mcpo_common::error::{Failure, Outcome};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, split},
    net::TcpStream,
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::certificate::Certificate;

/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection waits for a server that answers. A first build takes time.
const SERVER_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// How long a client may take to notice that its server has closed the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the last bytes may take to reach the clients after all servers are gone.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_CONNECTIONS: usize = 1024;
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);
const CONNECT_RETRY_INTERVAL: Duration = Duration::from_millis(10);
/// The largest part of a refused request that is read, in bytes, so that the client receives the
/// answer.
const REFUSED_REQUEST: usize = 16 * 1024;
/// The body that other machines get while the base URL names this machine. It is the same as in
/// mcpo-runtime.
const REFUSAL: &str = r#"{"error":"forbidden","error_description":"only this machine can use this server; to let others in, set BASE_URL to a public https URL. Behind a proxy or in a container, also set MCPO_TRUSTED_PROXIES"}"#;

/// The address of the current server, or `None` while there is no server.
pub type Inside = watch::Receiver<Option<SocketAddr>>;

/// The listener that clients connect to.
pub struct Proxy {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    inside: Inside,
    /// Whether connections from other machines are refused. The servers cannot decide it: every
    /// connection from the proxy comes from a loopback address.
    is_local_only: watch::Receiver<bool>,
}

/// Returns a TLS acceptor for this certificate.
pub fn acceptor(certificate: &Certificate) -> Outcome<TlsAcceptor> {
    let failed =
        |error: &dyn std::error::Error| Failure::new("failed to set up TLS").because(error);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der.clone()], certificate.key.clone_key())
        .map_err(|error| failed(&error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Proxy {
    /// Forwards connections from `listener` to the server at `inside`.
    pub const fn new(
        listener: TcpListener,
        acceptor: Option<TlsAcceptor>,
        inside: Inside,
        is_local_only: watch::Receiver<bool>,
    ) -> Self {
        Self {
            listener,
            acceptor,
            inside,
            is_local_only,
        }
    }

    /// Accepts connections until `stop`. The servers close their connections. Connections that are
    /// still open when all servers are gone (`over`) get a short time to finish.
    pub async fn run(self, stop: &CancellationToken, over: &CancellationToken) -> Outcome<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)
            .map_err(|error| Failure::new("failed to listen").because(&error))?;
        let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let connections = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = stream else {
                // For example, there are no free descriptors; that passes.
                sleep(ACCEPT_RETRY_INTERVAL).await;
                continue;
            };
            let permit = tokio::select! {
                () = stop.cancelled() => break,
                permit = Arc::clone(&free).acquire_owned() => permit,
            };
            let (acceptor, inside, stop) =
                (self.acceptor.clone(), self.inside.clone(), stop.clone());
            let is_refused =
                *self.is_local_only.borrow() && !peer.ip().to_canonical().is_loopback();
            connections.spawn(async move {
                // A client that disconnects early is not an error.
                let _ = if is_refused {
                    refuse(stream, acceptor).await
                } else {
                    serve(stream, acceptor, inside, &stop).await
                };
                drop(permit);
            });
        }
        drop(listener);
        connections.close();
        over.cancelled().await;
        let _ = timeout(DRAIN_TIMEOUT, connections.wait()).await;
        Ok(())
    }
}

async fn serve(
    outside: TcpStream,
    acceptor: Option<TlsAcceptor>,
    inside: Inside,
    stop: &CancellationToken,
) -> io::Result<()> {
    outside.set_nodelay(true)?;
    match acceptor {
        Some(acceptor) => {
            let outside = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(outside)).await??;
            join(outside, connect(inside, stop).await?).await
        }
        None => join(outside, connect(inside, stop).await?).await,
    }
}

/// Answers any request of another machine with 403.
async fn refuse(outside: TcpStream, acceptor: Option<TlsAcceptor>) -> io::Result<()> {
    let answering = async {
        match acceptor {
            Some(acceptor) => answer_refused(acceptor.accept(outside).await?).await,
            None => answer_refused(outside).await,
        }
    };
    timeout(HANDSHAKE_TIMEOUT, answering).await?
}

/// Reads the request before answering, because an answer is lost if the connection closes with
/// unread bytes.
async fn answer_refused(mut outside: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REFUSED_REQUEST {
        if outside.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let length = REFUSAL.len();
    let answer = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{REFUSAL}"
    );
    outside.write_all(answer.as_bytes()).await?;
    outside.shutdown().await
}

/// Connects to the current server, and waits if there is none.
async fn connect(mut inside: Inside, stop: &CancellationToken) -> io::Result<TcpStream> {
    let connecting = async {
        loop {
            let address = *inside
                .wait_for(Option::is_some)
                .await
                .map_err(io::Error::other)?;
            let Some(address) = address else { continue };
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                // The server has just stopped, and the new address is not known yet.
                Err(_) => sleep(CONNECT_RETRY_INTERVAL).await,
            }
        }
    };
    let connected: io::Result<TcpStream> = tokio::select! {
        connected = timeout(SERVER_TIMEOUT, connecting) => connected?,
        () = stop.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let stream = connected?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Copies bytes in both directions until both ends have sent everything.
async fn join(outside: impl AsyncRead + AsyncWrite, mut inside: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_client) = split(outside);
    let (mut from_server, mut to_server) = inside.split();
    let up = async {
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let down = async {
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    let (mut up, mut down) = (pin!(up), pin!(down));
    tokio::select! {
        said_all = &mut up => {
            said_all?;
            down.await
        }
        said_all = &mut down => {
            said_all?;
            // A client's connection pool may not notice for hours that this connection is closed.
            timeout(CLOSE_TIMEOUT, up).await?
        }
    }
}
