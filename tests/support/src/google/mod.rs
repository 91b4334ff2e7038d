//! A stand-in for Google: its APIs, checked against Google's published schemas, a real registry,
//! and a Cloud Run that runs the pushed images.
//!
//! Clients reach it through a proxy (`HTTPS_PROXY`) whose certificate authority they trust
//! (`SSL_CERT_FILE`), under Google's own host names and with TLS. Therefore the tool under test
//! needs no special code. A request that Google would refuse, or a response of the stand-in that
//! violates a schema, fails the test when the value is dropped.

mod accounts;
mod artifacts;
mod builds;
mod call;
mod container;
mod dns;
mod error;
mod facts;
mod fault;
mod front;
mod http;
mod inspect;
mod kms;
mod limits;
mod logging;
mod monitoring;
mod packages;
mod projects;
mod proto_json;
mod redis;
mod registry;
mod run;
mod schema;
mod secrets;
mod state;
mod storage;
mod tokens;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

pub use self::{fault::Fault, tokens::DEPLOYER};
use self::{registry::Registry, state::State, tokens::Key};

/// The id of the only project.
pub const PROJECT: &str = "my-project";
/// The number of the project.
pub const NUMBER: u64 = 123_456_789_012;

/// The state that all parts of the stand-in share.
struct Cloud(Arc<Shared>);

struct Shared {
    project: &'static str,
    number: u64,
    /// The number of calls to an API that fail after it was enabled.
    propagation: u32,
    /// The difference between the stand-in's clock and this machine's clock, in seconds.
    clock_offset: i64,
    /// Whether the organization restricts the locations of resources.
    forbids_automatic_replication: bool,
    /// Whether the organization forbids public services.
    forbids_public_services: bool,
    address: SocketAddr,
    registry: Registry,
    client: reqwest::Client,
    key: Key,
    state: Mutex<State>,
    folder: PathBuf,
}

impl std::ops::Deref for Cloud {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Cloud {
    fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no handler panicked")
    }

    fn violation(&self, what: String) {
        self.state().violations.push(what);
    }

    const fn address(&self) -> SocketAddr {
        self.address
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the time of the stand-in's clock, in seconds since 1970.
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX) + self.clock_offset
    }

    /// Returns the time of the stand-in's clock in the format of the `Date` header.
    fn date(&self) -> String {
        let now = Duration::from_secs(u64::try_from(self.now()).unwrap_or(0));
        httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + now)
    }
}

/// The initial state of a stand-in.
#[derive(Clone, Copy, Debug, Default)]
pub struct InitialState {
    /// Whether the APIs are already enabled.
    pub is_enabled: bool,
    /// The number of calls to an API that fail after it was enabled.
    pub propagation: u32,
    /// How many seconds the stand-in's clock is ahead of this machine's clock.
    pub clock_offset: i64,
    /// Whether the organization restricts the locations of resources.
    pub forbids_automatic_replication: bool,
    /// Whether the organization forbids public services.
    pub forbids_public_services: bool,
}

/// The running stand-in. Dropping it stops everything that it started.
pub struct Google {
    cloud: Cloud,
    folder: TempDir,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Google {
    /// Starts the stand-in with an unused project.
    pub fn start() -> Self {
        Self::start_with(InitialState::default())
    }

    /// Starts the stand-in with this initial state.
    pub fn start_with(initial_state: InitialState) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (listener, address) = front::bind();
        let mut state = State::default();
        let enabled = facts::apis().iter().filter(|_| initial_state.is_enabled);
        state.enabled.extend(enabled.map(|api| api.host.to_owned()));
        let cloud = Cloud(Arc::new(Shared {
            project: PROJECT,
            number: NUMBER,
            propagation: initial_state.propagation,
            clock_offset: initial_state.clock_offset,
            forbids_automatic_replication: initial_state.forbids_automatic_replication,
            forbids_public_services: initial_state.forbids_public_services,
            address,
            registry: Registry::start(folder.path().to_owned()),
            client: crate::client::http()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("an HTTP client"),
            key: Key::of_tests(),
            state: Mutex::new(state),
            folder: folder.path().to_owned(),
        }));
        cloud.write_credentials(folder.path());
        let acceptor = front::acceptor(&folder.path().join("authority.pem"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let shared = cloud.share();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            front::listen(shared, listener, acceptor).await;
        });
        Self {
            cloud,
            folder,
            runtime: Some(runtime),
        }
    }

    /// Returns the address for clients that are configured to use the stand-in directly.
    pub fn address(&self) -> SocketAddr {
        self.cloud.address
    }

    /// Returns the path of the certificate authority that clients must trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Returns the path of the key file of [`DEPLOYER`].
    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("service-account.json")
    }

    /// Returns the environment variables that a client needs to reach the stand-in, without
    /// credentials.
    pub fn network(&self) -> Vec<(String, String)> {
        let proxy = format!("http://{}", self.cloud.address);
        let authority = self.authority().display().to_string();
        vec![
            ("HTTPS_PROXY".into(), proxy),
            ("SSL_CERT_FILE".into(), authority),
            ("NO_PROXY".into(), "127.0.0.1,localhost".into()),
        ]
    }

    /// Returns the environment variables that a client needs, including credentials.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.network();
        let path = self.credentials();
        environment.push((
            "GOOGLE_APPLICATION_CREDENTIALS".into(),
            path.display().to_string(),
        ));
        environment
    }

    /// Removes and returns the violations so far, in requests and in responses of the stand-in.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.cloud.state().violations)
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.cloud.state().containers.clear();
        self.cloud.registry.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let violations = self.take_violations();
        if !std::thread::panicking() {
            assert!(violations.is_empty(), "{violations:#?}");
        }
    }
}
