//! What the server remembers, and the one thing that is wrong with it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State as Extract},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};

use super::{Fault, Hole, Settings};

/// Text that would clear the screen and lie about the verdict if it were printed as it is.
pub const HOSTILE: &str =
    "\u{1b}[2J\u{1b}[1;32mall checks passed\u{1b}]0;pwned\u{7}\u{202e}\u{9b}31m\r\nok";

/// Who is not asked for so long may fall asleep.
const NAP: Duration = Duration::from_millis(500);

/// Documents that need not be fetched.
const PINNED: [(&str, &str); 4] = [
    (
        "https://claude.ai/oauth/mcp-oauth-client-metadata",
        "https://claude.ai/api/mcp/auth_callback",
    ),
    (
        "https://claude.ai/oauth/claude-code-client-metadata",
        "http://localhost/callback",
    ),
    (
        "https://chatgpt.com/oauth/client.json",
        "https://chatgpt.com/connector_platform_oauth_redirect",
    ),
    (
        "https://vscode.dev/oauth/client-metadata.json",
        "http://127.0.0.1:33418/",
    ),
];

/// What a code stands for.
#[derive(Clone)]
pub struct Pending {
    pub client: String,
    pub redirect_uri: String,
    pub challenge: String,
    pub resource: String,
    pub scope: String,
    /// What is revoked as a whole.
    pub grant: String,
}

/// A client that registered.
#[derive(Clone)]
pub struct Client {
    pub name: String,
    pub secret: Option<String>,
    pub method: String,
    pub redirect_uris: Vec<String>,
}

#[derive(Default)]
pub struct Memory {
    pub clients: HashMap<String, Client>,
    pub codes: HashMap<String, Pending>,
    /// Access tokens and their scopes.
    pub access: HashMap<String, String>,
    /// Whose they are.
    pub owners: HashMap<String, String>,
    /// When they were issued.
    pub issued: HashMap<String, Instant>,
    pub refresh: HashMap<String, Pending>,
    /// Codes and refresh tokens that were used, and what they stood for.
    pub spent: HashMap<String, Pending>,
    pub wrong_passwords: u32,
    pub registrations: Vec<serde_json::Value>,
    pub parameters: Vec<String>,
    pub headers: Vec<(String, String)>,
    last: Option<Instant>,
    requests: Vec<String>,
}

impl Memory {
    pub fn revoke_all_of(&mut self, client: &str) {
        let owners = &self.owners;
        let others = |token: &String| owners.get(token).is_none_or(|owner| owner != client);
        self.access.retain(|token, _| others(token));
        self.refresh.retain(|_, pending| pending.client != client);
    }
}

pub struct State {
    pub base: String,
    pub settings: Settings,
    memory: Mutex<Memory>,
    counter: AtomicU32,
}

impl State {
    pub fn new(base: String, settings: Settings) -> Self {
        let mut memory = Memory::default();
        for (id, secret) in &settings.clients {
            let client = Client {
                name: "by hand".to_owned(),
                secret: Some((*secret).to_owned()),
                method: "client_secret_basic".to_owned(),
                redirect_uris: Vec::new(),
            };
            memory.clients.insert((*id).to_owned(), client);
        }
        Self {
            base,
            settings,
            memory: Mutex::new(memory),
            counter: AtomicU32::new(0),
        }
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("no handler panicked")
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.settings.fault == Some(fault)
    }

    pub fn is_open_to(&self, hole: Hole) -> bool {
        self.settings.hole == Some(hole)
    }

    /// The client of that id: one that registered, or one whose document is known.
    pub fn client(&self, id: &str) -> Option<Client> {
        let known = self.memory().clients.get(id).cloned();
        known.or_else(|| {
            let any = self.settings.documents_only && id.starts_with("https://");
            let pinned = self.settings.documents && PINNED.iter().any(|(pinned, _)| *pinned == id);
            (any || pinned).then(|| Client {
                name: "Documented".to_owned(),
                secret: None,
                method: "none".to_owned(),
                redirect_uris: PINNED
                    .iter()
                    .filter(|(pinned, _)| *pinned == id && !any)
                    .map(|(_, uri)| (*uri).to_owned())
                    .collect(),
            })
        })
    }

    /// How the server calls itself, if it believes the request about that.
    pub fn name(&self, headers: &HeaderMap, forwarded: Hole) -> String {
        let header = if self.is_open_to(forwarded) {
            "x-forwarded-host"
        } else if self.is_open_to(Hole::HostMetadata) && forwarded == Hole::ForwardedMetadata {
            "host"
        } else {
            return self.base.clone();
        };
        let named = headers.get(header).and_then(|value| value.to_str().ok());
        named.map_or_else(|| self.base.clone(), |host| format!("http://{host}"))
    }

    /// A name nobody has had before.
    pub fn fresh(&self, kind: &str) -> String {
        format!(
            "{kind}-{}",
            self.counter.fetch_add(1, Ordering::Relaxed) + 1
        )
    }

    /// `text`, or something hostile in its place.
    pub fn text(&self, text: &str) -> String {
        if self.has(Fault::HostileStrings) {
            format!("{text}{HOSTILE}")
        } else {
            text.to_owned()
        }
    }

    pub fn requests(&self) -> Vec<String> {
        self.memory().requests.clone()
    }
}

/// Writes every request down.
pub async fn record(Extract(state): Extract<Arc<State>>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    let asleep;
    {
        let mut memory = state.memory();
        memory.requests.push(line);
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            memory.headers.push((name.to_string(), value));
        }
        let idle = memory
            .last
            .replace(Instant::now())
            .map(|last| last.elapsed());
        asleep = idle.is_some_and(|idle| idle > NAP);
        memory
            .parameters
            .extend(request.uri().query().map(str::to_owned));
    }
    if let Some(nap) = state.settings.nap.filter(|_| asleep) {
        tokio::time::sleep(nap).await;
    }
    next.run(request).await
}

/// Connects to where `url` leads, as whoever fetches it does first.
pub async fn fetch(url: &str) {
    let url = url::Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a host");
    let port = url.port_or_known_default().expect("a port");
    let _ = tokio::net::TcpStream::connect((host, port)).await;
}

/// Forgets what a careless server forgets when it is started anew.
pub async fn restart(Extract(state): Extract<Arc<State>>) {
    let mut memory = state.memory();
    match state.settings.hole {
        Some(Hole::ForgetsAccess) => memory.access.clear(),
        Some(Hole::ForgetsRefresh) => memory.refresh.clear(),
        Some(Hole::ForgetsClients) => memory.clients.clear(),
        _ => {}
    }
}
