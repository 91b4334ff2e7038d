//! Somebody who issues tokens: an authorization server or OpenID provider whose keys and documents a
//! test can spoil.

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

use self::provider::People;
pub use self::{keys::SigningKey, provider::Wrong};
use crate::clock::ManualClock;

/// What the issuer does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IssuerFault {
    /// Nothing.
    #[default]
    None,
    /// Its documents are not there.
    NoDocuments,
    /// They name another issuer.
    OtherIssuer,
    /// They are no JSON.
    NotJson,
    /// Its keys would be fetched without TLS, from elsewhere.
    PlainKeys,
    /// It answers with errors.
    Down,
    /// It does not answer for a minute.
    Hangs,
    /// Its keys have no end.
    EndlessKeys,
    /// It has no keys.
    NoKeys,
    /// It redirects whoever asks for its keys.
    RedirectedKeys,
}

/// A running issuer; it ends with the value.
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
    people: Mutex<People>,
    clock: Arc<ManualClock>,
}

impl TestIssuer {
    /// Starts on a free port of this machine.
    pub async fn start() -> Self {
        Self::start_at(Arc::default()).await
    }

    /// The same with a clock that others go by as well.
    pub async fn start_at(clock: Arc<ManualClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        Self::serve(listener, format!("http://{address}/tenant"), clock)
    }

    /// One with a certificate for `localhost`, and who vouches for that, in PEM: an authority that
    /// nobody knows.
    pub async fn start_with_tls() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (front, authority) = tls::in_front_of(address).await;
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
            people: Mutex::default(),
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

    /// Its identifier.
    pub fn issuer(&self) -> String {
        self.shared.issuer.clone()
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does something wrong from now on.
    pub fn set(&self, fault: IssuerFault) {
        *self.shared.fault.lock().expect("no panic") = fault;
    }

    /// Signs with another key from now on, and forgets the old one.
    pub fn rotate(&self, id: &str) {
        *self.shared.keys.lock().expect("no panic") = vec![SigningKey::new(id)];
    }

    /// Publishes one more key, with which nothing is signed yet.
    pub fn add_key(&self, key: SigningKey) {
        self.shared.keys.lock().expect("no panic").push(key);
    }

    /// How often its keys were asked for.
    pub fn key_requests(&self) -> usize {
        self.shared.key_requests.load(Ordering::SeqCst)
    }

    /// A genuine token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(json!({}), claims)
    }

    /// The same, with a head that differs in these members; null takes one out.
    pub fn sign_as(&self, head: Value, claims: &Value) -> String {
        self.shared.keys.lock().expect("no panic")[0].sign(head, claims)
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
