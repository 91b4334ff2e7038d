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
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// A cluster is asked at its address first; each `MOVED` costs one more request.
const REDIRECTS: usize = 3;
/// The number of cluster servers with an open connection.
const MOST_NODES: usize = 64;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// A retry may succeed.
    #[error("{0}")]
    Passing(String),
    /// A retry will not succeed.
    #[error("{0}")]
    Lasting(String),
}

impl Trouble {
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Passing(_))
    }
}

/// The connection to a node, if one is open.
type Place = Arc<Mutex<Option<Connection>>>;

/// All connections.
pub(super) struct Link {
    address: RedisAddress,
    places: std::sync::Mutex<HashMap<Node, Place>>,
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
            places: std::sync::Mutex::default(),
        }
    }

    pub(super) const fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Sends the command once: to the configured address, and from there to where it is redirected.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, Trouble> {
        let mut node = self.address.node.clone();
        let mut asking = false;
        for _ in 0..=REDIRECTS {
            let error = match self.ask_node(&node, command, asking).await {
                Ok(value) => return Ok(value),
                Err(Failed::Redis(error)) => error,
                Err(Failed::Connect(trouble)) => return Err(trouble),
            };
            let Some(next) = redirect(&node, &error) else {
                return Err(trouble(&node, &error));
            };
            asking = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
            node = next;
        }
        let text = format!("{}: the cluster redirects in a loop", self.address);
        Err(Trouble::Passing(text))
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

    async fn connection(&self, node: &Node) -> Result<Connection, Trouble> {
        let place = self.place(node);
        // Locked while connecting, so that only one of several concurrent requests opens the
        // connection. Requests to other nodes of a cluster do not wait for it.
        let mut place = place.lock().await;
        if let Some(connection) = &*place
            && !connection.driver.0.is_finished()
        {
            return Ok(connection.clone());
        }
        let opened = timeout(CONNECT_TIMEOUT, self.open(node)).await;
        let opened = opened.unwrap_or_else(|_| {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(Trouble::Passing(format!(
                "Redis at {node}: no connection within {seconds} seconds"
            )))
        });
        let connection = opened?;
        *place = Some(connection.clone());
        Ok(connection)
    }

    fn place(&self, node: &Node) -> Place {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST_NODES && !places.contains_key(node) {
            places.clear();
        }
        Arc::clone(places.entry(node.clone()).or_default())
    }

    async fn open(&self, node: &Node) -> Result<Connection, Trouble> {
        let passing = |error: io::Error| Trouble::Passing(format!("Redis at {node}: {error}"));
        let stream = TcpStream::connect((&*node.host, node.port))
            .await
            .map_err(passing)?;
        stream.set_nodelay(true).map_err(passing)?;
        let Some(config) = &self.address.tls else {
            return self.introduce(node, stream).await;
        };
        let name = ServerName::try_from(node.host.clone()).map_err(|_| {
            Trouble::Lasting(format!(
                "Redis at {node}: no certificate can name this host"
            ))
        })?;
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, stream).await.map_err(|error| {
            if is_about_certificate(&error) {
                Trouble::Lasting(format!("Redis at {node}: {error}"))
            } else {
                passing(error)
            }
        })?;
        self.introduce(node, stream).await
    }

    async fn introduce<S>(&self, node: &Node, stream: S) -> Result<Connection, Trouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_TIMEOUT));
        let introduction = self.address.introduction();
        let made =
            MultiplexedConnection::new_with_config(&introduction, Metered::new(stream), config);
        let (requests, driver) = made.await.map_err(|error| trouble(node, &error))?;
        let driver = Arc::new(Driver(tokio::spawn(driver)));
        Ok(Connection { requests, driver })
    }

    /// Drops a connection, unless it has already been replaced.
    async fn forget(&self, node: &Node, failed: &Connection) {
        let place = self.place(node);
        let mut place = place.lock().await;
        place.take_if(|kept| Arc::ptr_eq(&kept.driver, &failed.driver));
    }
}

fn is_about_certificate(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// Why a request to one server failed.
enum Failed {
    Connect(Trouble),
    Redis(RedisError),
}

fn is_passing(error: &RedisError) -> bool {
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
fn trouble(node: &Node, error: &RedisError) -> Trouble {
    let text = format!("Redis at {node}: {error}");
    if is_passing(error) {
        Trouble::Passing(text)
    } else if error.kind() == ErrorKind::AuthenticationFailed {
        Trouble::Lasting(format!(
            "{text}; the user or password in MCPO_LEDGER was rejected"
        ))
    } else {
        Trouble::Lasting(text)
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
