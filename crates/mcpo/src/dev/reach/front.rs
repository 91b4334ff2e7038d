//! In front of the servers: the encrypted end where there is one, and the way to the server of the
//! moment. What comes in is plain HTTP on this machine by the time a server sees it.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

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
use crate::error::{Failure, Outcome};

/// How long a client may take to say hello.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection waits for a server that answers: a first build takes its time.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// What a client gets to notice that its server has closed the connection.
const LINGER: Duration = Duration::from_secs(2);
/// Once the servers are gone, what they said last is on its way for no longer than this.
const LAST_MOMENTS: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 1024;
const PAUSE: Duration = Duration::from_millis(50);
const TRY_AGAIN: Duration = Duration::from_millis(10);
/// How much of a refused request is read, in bytes, so that the client sees the answer.
const REFUSED_REQUEST: usize = 16 * 1024;
/// What another machine gets while the base URL names this machine: the answer of mcpo-runtime.
const REFUSAL: &str = r#"{"error":"forbidden","error_description":"only this machine can use this server; to let others in, set BASE_URL to a public https URL. Behind a proxy or in a container, also set MCPO_TRUSTED_PROXIES"}"#;

/// Where the server of the moment is; nothing while there is none.
pub type Inside = watch::Receiver<Option<SocketAddr>>;

/// Whether connections from other machines are answered with 403. The supervisor sets it for each
/// server, because a change of `.env` may change the base URL.
#[derive(Clone, Debug, Default)]
pub struct LocalOnly(Arc<AtomicBool>);

impl LocalOnly {
    pub fn set(&self, is_local_only: bool) {
        self.0.store(is_local_only, Ordering::SeqCst);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The outer end.
pub struct Front {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    inside: Inside,
    is_local_only: LocalOnly,
}

/// TLS with this certificate.
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

impl Front {
    /// Leads from `listener` to `inside`.
    pub fn new(listener: TcpListener, acceptor: Option<TlsAcceptor>, inside: Inside) -> Self {
        Self {
            listener,
            acceptor,
            inside,
            is_local_only: LocalOnly::default(),
        }
    }

    /// Sets what decides whether connections from other machines are refused. The servers cannot
    /// decide that here: every connection that comes through the front has a loopback address.
    pub fn serves_this_machine_only(&mut self, is_local_only: LocalOnly) {
        self.is_local_only = is_local_only;
    }

    /// Accepts until `stop`. Connections end by themselves, the servers see to that; those that are
    /// there when the servers are gone (`over`) get a last moment.
    pub async fn run(self, stop: &CancellationToken, over: &CancellationToken) -> Outcome<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)
            .map_err(|error| Failure::new("failed to listen").because(&error))?;
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        let connections = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = stream else {
                // Out of descriptors, for example; that passes.
                sleep(PAUSE).await;
                continue;
            };
            let permit = tokio::select! {
                () = stop.cancelled() => break,
                permit = Arc::clone(&free).acquire_owned() => permit,
            };
            let (acceptor, inside, stop) =
                (self.acceptor.clone(), self.inside.clone(), stop.clone());
            let is_refused = self.is_local_only.get() && !peer.ip().to_canonical().is_loopback();
            connections.spawn(async move {
                // A client that hangs up in the middle is not an error.
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
        let _ = timeout(LAST_MOMENTS, connections.wait()).await;
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
            let outside = timeout(HANDSHAKE, acceptor.accept(outside)).await??;
            join(outside, connect(inside, stop).await?).await
        }
        None => join(outside, connect(inside, stop).await?).await,
    }
}

/// Answers another machine with 403, whatever it asks for.
async fn refuse(outside: TcpStream, acceptor: Option<TlsAcceptor>) -> io::Result<()> {
    let answering = async {
        match acceptor {
            Some(acceptor) => answer_refused(acceptor.accept(outside).await?).await,
            None => answer_refused(outside).await,
        }
    };
    timeout(HANDSHAKE, answering).await?
}

/// Reads the request first: an answer to a connection with unread bytes is lost when it closes.
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

/// A connection to the server of the moment, once there is one.
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
                // It has just gone, and the word of that is on its way.
                Err(_) => sleep(TRY_AGAIN).await,
            }
        }
    };
    let connected: io::Result<TcpStream> = tokio::select! {
        connected = timeout(PATIENCE, connecting) => connected?,
        () = stop.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let stream = connected?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Passes on what either end says until both have said all.
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
            // A pool of connections may not look at this one for hours.
            timeout(LINGER, up).await?
        }
    }
}
