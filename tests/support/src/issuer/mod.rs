//! A token issuer: an authorization server or OpenID provider whose keys and documents a test can
//! break.

mod keys;
mod provider;
mod server;
mod tls;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use self::provider::Users;
pub use self::{keys::SigningKey, provider::ProviderFault, tls::start_tls_proxy};
use crate::clock::ManualClock;

/// A fault of the issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IssuerFault {
    /// No fault.
    #[default]
    None,
    /// Its metadata documents are missing.
    NoDocuments,
    /// Its metadata names another issuer.
    OtherIssuer,
    /// Its metadata is not JSON.
    NotJson,
    /// Its metadata refers to keys on another host, without TLS.
    PlainKeys,
    /// Every response is an error.
    Down,
    /// Every response takes a minute.
    Hangs,
    /// The key set never ends.
    EndlessKeys,
    /// The key set is empty.
    NoKeys,
    /// Requests for the key set are redirected.
    RedirectedKeys,
}

/// A running issuer; it stops when dropped.
pub struct TestIssuer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    issuer: String,
    keys: Mutex<Vec<SigningKey>>,
    fault: Mutex<IssuerFault>,
    key_requests: AtomicUsize,
    users: Mutex<Users>,
    clock: Arc<ManualClock>,
}

impl TestIssuer {
    /// Starts on a free port of this machine.
    pub async fn start() -> Self {
        Self::start_at(Arc::default()).await
    }

    /// Starts with a clock that is shared with others.
    pub async fn start_at(clock: Arc<ManualClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        Self::serve(listener, format!("http://{address}/tenant"), clock)
    }

    /// Starts with a certificate for `localhost`, and returns the certificate authority in PEM. No
    /// client trusts that authority by default.
    pub async fn start_with_tls() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (front, authority) = tls::start_tls_proxy(address, &["localhost"]).await;
        let issuer = format!("https://localhost:{}/tenant", front.port());
        let issuer = Self::serve(listener, issuer, Arc::default());
        (issuer, authority)
    }

    fn serve(listener: TcpListener, issuer: String, clock: Arc<ManualClock>) -> Self {
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            issuer,
            keys: Mutex::new(vec![SigningKey::new("first")]),
            fault: Mutex::default(),
            key_requests: AtomicUsize::new(0),
            users: Mutex::default(),
            clock,
        });
        let router = server::router(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving");
        });
        Self {
            address,
            shared,
            task,
        }
    }

    /// Returns the issuer identifier.
    pub fn issuer(&self) -> String {
        self.shared.issuer.clone()
    }

    /// Returns the address that it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the fault of all following responses.
    pub fn set(&self, fault: IssuerFault) {
        *self.shared.fault.lock().expect("no panic") = fault;
    }

    /// Replaces the signing key; the old key is no longer published.
    pub fn rotate(&self, id: &str) {
        *self.shared.keys.lock().expect("no panic") = vec![SigningKey::new(id)];
    }

    /// Publishes an additional key, which does not sign anything yet.
    pub fn add_key(&self, key: SigningKey) {
        self.shared.keys.lock().expect("no panic").push(key);
    }

    /// Returns the number of requests for the key set.
    pub fn key_requests(&self) -> usize {
        self.shared.key_requests.load(Ordering::SeqCst)
    }

    /// Signs a valid token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(json!({}), claims)
    }

    /// Signs a token whose header differs in these members; null removes a member.
    pub fn sign_as(&self, head: Value, claims: &Value) -> String {
        self.shared.keys.lock().expect("no panic")[0].sign(head, claims)
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
