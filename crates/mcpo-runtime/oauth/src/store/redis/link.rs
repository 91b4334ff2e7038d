//! Owns the connections to Redis. They are opened when needed, kept, and replaced when they fail. A
//! cluster that redirects a key to another server gets a connection for each server.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, RedisError, ServerErrorKind, Value,
    aio::MultiplexedConnection,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Mutex,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    address::{Node, RedisAddress},
    metered::Metered,
};

/// The time limit for a connection, including TLS and authentication.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// A cluster is asked at its address first; each `MOVED` costs one more request.
const MAX_REDIRECTS: usize = 3;
/// The number of cluster servers with an open connection.
const MAX_NODES: usize = 64;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// A retry may succeed.
    #[error("{0}")]
    Transient(String),
    /// A retry will not succeed.
    #[error("{0}")]
    Permanent(String),
}

impl LinkError {
    pub(super) const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }
}

/// The connection to a node, if one is open.
type ConnectionSlot = Arc<Mutex<Option<Connection>>>;

/// All connections.
pub(super) struct Link {
    address: RedisAddress,
    slots: std::sync::Mutex<HashMap<Node, ConnectionSlot>>,
}

/// An open connection. Dropping the last handle stops its driver task.
#[derive(Clone)]
struct Connection {
    requests: MultiplexedConnection,
    driver: Arc<Driver>,
}

struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    pub(super) fn new(address: RedisAddress) -> Self {
        Self {
            address,
            slots: std::sync::Mutex::default(),
        }
    }

    pub(super) const fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Sends the command once: to the configured address, and from there to where it is redirected.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, LinkError> {
        let mut node = self.address.node.clone();
        let mut asking = false;
        for _ in 0..=MAX_REDIRECTS {
            let error = match self.ask_node(&node, command, asking).await {
                Ok(value) => return Ok(value),
                Err(Failed::Redis(error)) => error,
                Err(Failed::Connect(link_error)) => return Err(link_error),
            };
            let Some(next) = redirect(&node, &error) else {
                return Err(link_error(&node, &error));
            };
            asking = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
            node = next;
        }
        let text = format!("{}: the cluster redirects in a loop", self.address);
        Err(LinkError::Transient(text))
    }

    async fn ask_node(&self, node: &Node, command: &Cmd, asking: bool) -> Result<Value, Failed> {
        let mut connection = self.connection(node).await.map_err(Failed::Connect)?;
        let answer = if asking {
            let mut both = redis::pipe();
            both.cmd("ASKING").ignore().add_command(command.clone());
            let answers: Result<(Value,), _> = both.query_async(&mut connection.requests).await;
            answers.map(|(answer,)| answer)
        } else {
            connection.requests.send_packed_command(command).await
        };
        let answer = answer.and_then(Value::extract_error);
        if let Err(error) = &answer
            && leaves_connection_useless(error)
        {
            self.forget(node, &connection).await;
        }
        answer.map_err(Failed::Redis)
    }

    async fn connection(&self, node: &Node) -> Result<Connection, LinkError> {
        let slot = self.slot(node);
        // Locked while connecting, so that only one of several concurrent requests opens the
        // connection. Requests to other nodes of a cluster do not wait for it.
        let mut slot = slot.lock().await;
        if let Some(connection) = &*slot
            && !connection.driver.0.is_finished()
        {
            return Ok(connection.clone());
        }
        let opened = timeout(CONNECT_TIMEOUT, self.open(node)).await;
        let opened = opened.unwrap_or_else(|_| {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(LinkError::Transient(format!(
                "Redis at {node}: no connection within {seconds} seconds"
            )))
        });
        let connection = opened?;
        *slot = Some(connection.clone());
        Ok(connection)
    }

    fn slot(&self, node: &Node) -> ConnectionSlot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_NODES && !slots.contains_key(node) {
            slots.clear();
        }
        Arc::clone(slots.entry(node.clone()).or_default())
    }

    async fn open(&self, node: &Node) -> Result<Connection, LinkError> {
        let transient =
            |error: io::Error| LinkError::Transient(format!("Redis at {node}: {error}"));
        let stream = TcpStream::connect((&*node.host, node.port))
            .await
            .map_err(transient)?;
        stream.set_nodelay(true).map_err(transient)?;
        let Some(config) = &self.address.tls else {
            return self.handshake(node, stream).await;
        };
        let name = ServerName::try_from(node.host.clone()).map_err(|_| {
            LinkError::Permanent(format!(
                "Redis at {node}: no certificate can name this host"
            ))
        })?;
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, stream).await.map_err(|error| {
            if is_about_certificate(&error) {
                LinkError::Permanent(format!("Redis at {node}: {error}"))
            } else {
                transient(error)
            }
        })?;
        self.handshake(node, stream).await
    }

    async fn handshake<S>(&self, node: &Node, stream: S) -> Result<Connection, LinkError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        let introduction = self.address.introduction();
        let made =
            MultiplexedConnection::new_with_config(&introduction, Metered::new(stream), config);
        let (requests, driver) = made.await.map_err(|error| link_error(node, &error))?;
        let driver = Arc::new(Driver(tokio::spawn(driver)));
        Ok(Connection { requests, driver })
    }

    /// Drops a connection, unless it has already been replaced.
    async fn forget(&self, node: &Node, failed: &Connection) {
        let slot = self.slot(node);
        let mut slot = slot.lock().await;
        slot.take_if(|kept| Arc::ptr_eq(&kept.driver, &failed.driver));
    }
}

fn is_about_certificate(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// Why a request to one server failed.
enum Failed {
    Connect(LinkError),
    Redis(RedisError),
}

fn is_transient(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain};
    match error.kind() {
        ErrorKind::Io => true,
        ErrorKind::Server(kind) => matches!(
            kind,
            Ask | BusyLoading | ClusterDown | MasterDown | Moved | ReadOnly | TryAgain
        ),
        _ => error.is_io_error(),
    }
}

/// Returns true if the connection must be replaced. A connection that timed out may still receive
/// its response, and the next request would wait behind it. A read-only server is no longer the
/// primary.
fn leaves_connection_useless(error: &RedisError) -> bool {
    let is_replica = matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
    );
    is_replica || error.is_io_error() || error.is_unrecoverable_error()
}

/// Redis's error messages are safe to repeat, because they never contain a password.
fn link_error(node: &Node, error: &RedisError) -> LinkError {
    let text = format!("Redis at {node}: {error}");
    if is_transient(error) {
        LinkError::Transient(text)
    } else if error.kind() == ErrorKind::AuthenticationFailed {
        LinkError::Permanent(format!(
            "{text}; the user or password in MCPO_LEDGER was rejected"
        ))
    } else {
        LinkError::Permanent(text)
    }
}

/// Returns the target node if `error` is a redirect of a cluster.
fn redirect(node: &Node, error: &RedisError) -> Option<Node> {
    let (address, _slot) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    // A server that does not know its own name omits it, and means itself.
    let host = match host.trim_start_matches('[').trim_end_matches(']') {
        "" | "?" => &node.host,
        host => host,
    };
    Some(Node {
        host: host.to_owned(),
        port: port.parse().ok()?,
    })
}
