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
mod logging;
mod projects;
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

use serde_json::Value;
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
        let path = self.folder.path().join("service-account.json");
        environment.push((
            "GOOGLE_APPLICATION_CREDENTIALS".into(),
            path.display().to_string(),
        ));
        environment
    }

    /// Lets calls of a method go wrong, `times` times. `registry` and `storage.upload` are for
    /// what is not a method.
    pub fn fail(&self, method: &str, fault: Fault, times: u32) {
        self.cloud
            .state()
            .faults
            .push((method.to_owned(), fault, times));
    }

    /// The methods that were called so far, with the status of the answer.
    pub fn calls(&self) -> Vec<(String, u16)> {
        self.cloud.state().calls.clone()
    }

    /// What the registry was asked: verb and path.
    pub fn registry_calls(&self) -> Vec<(String, String)> {
        self.cloud.state().registry_calls.clone()
    }

    /// Forgets which calls there were.
    pub fn forget_calls(&self) {
        let mut state = self.cloud.state();
        state.calls.clear();
        state.began.clear();
        state.registry_calls.clear();
    }

    /// A resource by its full name; null if it is not there.
    pub fn resource(&self, name: &str) -> Value {
        self.cloud
            .state()
            .resources
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    /// The names of all resources.
    pub fn resources(&self) -> Vec<String> {
        self.cloud.state().resources.keys().cloned().collect()
    }

    /// Every version of every secret.
    pub fn secrets(&self) -> Vec<String> {
        use base64::Engine as _;

        let state = self.cloud.state();
        let encoded = state.payloads.values().flatten().flatten();
        encoded
            .filter_map(|data| base64::prelude::BASE64_STANDARD.decode(data).ok())
            .filter_map(|bytes| String::from_utf8(bytes).ok())
            .collect()
    }

    /// Takes back the faults that are still to come.
    pub fn mend(&self) {
        self.cloud.state().faults.clear();
    }

    /// The methods that were called, also those that were not answered yet.
    pub fn began(&self) -> Vec<String> {
        self.cloud.state().began.clone()
    }

    /// Changes a resource behind everybody's back.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        if let Some(resource) = self.cloud.state().resources.get_mut(name) {
            change(resource);
        }
    }

    /// All access policies.
    pub fn policies(&self) -> Vec<(String, Value)> {
        let state = self.cloud.state();
        let policies = state.policies.iter();
        policies
            .map(|(name, policy)| (name.clone(), policy.clone()))
            .collect()
    }

    /// Every file of every image that was run, and every blob that was pushed.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![
            self.folder.path().join("containers"),
            self.folder.path().join("blobs"),
        ];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                // What the runtime was told, secrets among it, is beside the image.
                if path.ends_with("config.json") || path.is_symlink() {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap_or_default();
                    found.push((path.display().to_string(), bytes));
                }
            }
        }
        found
    }

    /// What a public address answers to a GET.
    pub fn ask(&self, host: &str, path: &str) -> (u16, String) {
        let request = http::Request {
            method: hyper::Method::GET,
            path: path.to_owned(),
            query: std::collections::BTreeMap::new(),
            raw_query: String::new(),
            headers: hyper::HeaderMap::from_iter([(
                hyper::header::HOST,
                host.parse().expect("a host name"),
            )]),
            body: hyper::body::Bytes::new(),
        };
        let runtime = self.runtime.as_ref().expect("it runs");
        match runtime.block_on(run::serve_public(&self.cloud, host, request)) {
            Ok(reply) => (
                reply.status.as_u16(),
                String::from_utf8_lossy(&reply.body).into_owned(),
            ),
            Err(problem) => (0, problem.to_owned()),
        }
    }

    /// An access token for this account.
    pub fn token(&self, email: &str) -> String {
        self.cloud.mint(email)
    }

    /// What was wrong so far with requests, or with our own answers; taken out.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.cloud.state().violations)
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.cloud.state().containers.clear();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let violations = self.take_violations();
        if !std::thread::panicking() {
            assert!(violations.is_empty(), "{violations:#?}");
        }
    }
}
