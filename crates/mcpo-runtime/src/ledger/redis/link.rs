//! Connections to Redis: made when needed, kept, and replaced when they fail; to more than one
//! server where a cluster says that a key lives elsewhere.

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

/// A connection with TLS and everything that has to be said first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// A cluster is asked at its address first; each `MOVED` costs one more question.
const REDIRECTS: usize = 3;
/// Servers of a cluster that connections are kept to.
const MOST_NODES: usize = 64;

/// Why a question came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// It may go better the next time.
    #[error("{0}")]
    Passing(String),
    /// It will not.
    #[error("{0}")]
    Lasting(String),
}

impl Trouble {
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Passing(_))
    }
}

/// Where the connection to a node is, once there is one.
type Place = Arc<Mutex<Option<Connection>>>;

/// All connections.
pub(super) struct Link {
    address: RedisAddress,
    places: std::sync::Mutex<HashMap<Node, Place>>,
}

/// An open connection; its end ends what drives it.
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

    /// One try: asks at the address, and where the answer points from there.
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
        let text = format!("{}: its cluster points in circles", self.address);
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
        // Held while connecting: of many questions at once, one makes the connection. Questions to
        // another node of a cluster do not wait for this one.
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

    /// Drops a connection, unless somebody has replaced it already.
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

/// Why one server gave no answer.
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

/// A connection that timed out may still get its answer, and the next question would wait behind
/// it; one to a server that only reads leads to a primary that is none any more.
fn leaves_connection_useless(error: &RedisError) -> bool {
    let is_replica = matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
    );
    is_replica || error.is_io_error() || error.is_unrecoverable_error()
}

/// What Redis says of a failure is safe to repeat: it never repeats a password.
fn trouble(node: &Node, error: &RedisError) -> Trouble {
    let text = format!("Redis at {node}: {error}");
    if is_passing(error) {
        Trouble::Passing(text)
    } else if error.kind() == ErrorKind::AuthenticationFailed {
        Trouble::Lasting(format!(
            "{text}; the user or password in MCPO_LEDGER is not taken"
        ))
    } else {
        Trouble::Lasting(text)
    }
}

/// Where a cluster keeps the key, if that is what `error` says.
fn redirect(node: &Node, error: &RedisError) -> Option<Node> {
    let (address, _slot) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    // A server that does not know its own name leaves it out: it is the one that was asked.
    let host = match host.trim_start_matches('[').trim_end_matches(']') {
        "" | "?" => &node.host,
        host => host,
    };
    Some(Node {
        host: host.to_owned(),
        port: port.parse().ok()?,
    })
}
