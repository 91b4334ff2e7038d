//! A stand-in for Google: its APIs held to the published facts, a real registry, and a Cloud Run
//! that runs what was pushed.
//!
//! A client reaches it as a proxy (`HTTPS_PROXY`) whose certificate authority it trusts
//! (`SSL_CERT_FILE`), under Google's own host names and over TLS; so the tool that is tested knows
//! nothing of it. Any request that Google would refuse, and any answer of our own that does not fit
//! the schemas, fails the test when the value goes.

mod accounts;
mod artifacts;
mod builds;
mod call;
mod container;
mod error;
mod facts;
mod fault;
mod front;
mod http;
mod limits;
mod logging;
mod look;
mod packages;
mod projects;
mod proto_json;
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

/// The project that everything is in.
pub const PROJECT: &str = "my-project";
/// Its number.
pub const NUMBER: u64 = 123_456_789_012;

/// What the parts of the stand-in share.
struct Cloud(Arc<Shared>);

struct Shared {
    project: &'static str,
    number: u64,
    /// How many calls to an API fail after it was enabled.
    propagation: u32,
    /// How far its clock is from this machine's.
    clock_offset: i64,
    /// The organization allows resources in named locations only.
    forbids_automatic_replication: bool,
    /// The organization forbids to make services public.
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

    /// Seconds since 1970 by its own clock.
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX) + self.clock_offset
    }

    /// The time by its own clock, as a header has it.
    fn date(&self) -> String {
        let now = Duration::from_secs(u64::try_from(self.now()).unwrap_or(0));
        httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + now)
    }
}

/// How a stand-in begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beginning {
    /// APIs are enabled already.
    pub is_enabled: bool,
    /// How many calls to an API fail after it was enabled.
    pub propagation: u32,
    /// How many seconds its clock is ahead of this machine's.
    pub clock_offset: i64,
    /// The organization allows resources in named locations only.
    pub forbids_automatic_replication: bool,
    /// The organization forbids to make services public.
    pub forbids_public_services: bool,
}

/// The running stand-in; everything it started ends with the value.
pub struct Google {
    cloud: Cloud,
    folder: TempDir,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Google {
    /// Starts it as a project that nobody has used yet.
    pub fn start() -> Self {
        Self::begin(Beginning::default())
    }

    /// Starts it as told.
    pub fn begin(beginning: Beginning) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (listener, address) = front::bind();
        let mut state = State::default();
        let enabled = facts::apis().iter().filter(|_| beginning.is_enabled);
        state.enabled.extend(enabled.map(|api| api.host.to_owned()));
        let cloud = Cloud(Arc::new(Shared {
            project: PROJECT,
            number: NUMBER,
            propagation: beginning.propagation,
            clock_offset: beginning.clock_offset,
            forbids_automatic_replication: beginning.forbids_automatic_replication,
            forbids_public_services: beginning.forbids_public_services,
            address,
            registry: Registry::start(folder.path().to_owned()),
            client: crate::client::http()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("an HTTP client"),
            key: Key::make(),
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

    /// Where it listens, for clients that are pointed at it.
    pub fn address(&self) -> SocketAddr {
        self.cloud.address
    }

    /// The certificate authority that its clients have to trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The key file of [`DEPLOYER`].
    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("service-account.json")
    }

    /// What a client's environment needs to meet it, without credentials.
    pub fn network(&self) -> Vec<(String, String)> {
        let proxy = format!("http://{}", self.cloud.address);
        let authority = self.authority().display().to_string();
        vec![
            ("HTTPS_PROXY".into(), proxy),
            ("SSL_CERT_FILE".into(), authority),
            ("NO_PROXY".into(), "127.0.0.1,localhost".into()),
        ]
    }

    /// The same with credentials.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.network();
        let path = self.credentials();
        environment.push((
            "GOOGLE_APPLICATION_CREDENTIALS".into(),
            path.display().to_string(),
        ));
        environment
    }

    /// What was wrong so far with requests, or with our own answers; taken out.
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
