//! The state of the server: its configuration, and the clients, codes and tokens.

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

use super::{Fault, Settings, Vulnerability};

/// Text that would clear the screen and fake the verdict if it were printed without escaping.
pub const HOSTILE: &str =
    "\u{1b}[2J\u{1b}[1;32mall checks passed\u{1b}]0;pwned\u{7}\u{202e}\u{9b}31m\r\nok";

/// A server that gets no request for this long falls asleep.
const IDLE_TIME: Duration = Duration::from_millis(500);

/// Client metadata documents that are known without fetching them, with a redirect URI each.
const PINNED: [(&str, &str); 7] = [
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
    (
        "https://chatgpt.com/oauth/codex/client.json",
        "http://127.0.0.1/callback",
    ),
    (
        "https://github.com/copilot/cli/client-metadata.json",
        "http://127.0.0.1:33418/",
    ),
    (
        "https://goose-docs.ai/oauth/client-metadata.json",
        "http://127.0.0.1/oauth_callback",
    ),
];

/// The authorization request that a code or refresh token belongs to.
#[derive(Clone)]
pub struct Pending {
    pub client: String,
    pub redirect_uri: String,
    pub challenge: String,
    pub resource: String,
    pub scope: String,
    /// The id of the grant, which is revoked as a whole.
    pub grant: String,
}

/// A registered client.
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
    /// The client of each access token.
    pub owners: HashMap<String, String>,
    /// The time at which each access token was issued.
    pub issued: HashMap<String, Instant>,
    pub refresh: HashMap<String, Pending>,
    /// Codes and refresh tokens that were used, with their requests.
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

    /// Returns true if the MCP endpoint requires a token.
    pub fn is_guarded(&self) -> bool {
        self.settings.requires_token && !self.has(Fault::OpenWithMetadata)
    }

    /// Returns true if the metadata is published: a server that requires no token publishes none.
    pub fn publishes_metadata(&self) -> bool {
        self.settings.requires_token
    }

    pub fn is_vulnerable_to(&self, vulnerability: Vulnerability) -> bool {
        self.settings.vulnerability == Some(vulnerability)
    }

    /// Returns the client with that id: a registered client, or a client whose document is known.
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

    /// Returns the base URL of the server; if it is vulnerable, as the request claims.
    pub fn name(&self, headers: &HeaderMap, forwarded: Vulnerability) -> String {
        let header = if self.is_vulnerable_to(forwarded) {
            "x-forwarded-host"
        } else if self.is_vulnerable_to(Vulnerability::HostMetadata)
            && forwarded == Vulnerability::ForwardedMetadata
        {
            "host"
        } else {
            return self.base.clone();
        };
        let named = headers.get(header).and_then(|value| value.to_str().ok());
        named.map_or_else(|| self.base.clone(), |host| format!("http://{host}"))
    }

    /// Returns a unique name.
    pub fn fresh(&self, kind: &str) -> String {
        format!(
            "{kind}-{}",
            self.counter.fetch_add(1, Ordering::Relaxed) + 1
        )
    }

    /// Returns `text`, with hostile characters appended if that is the fault.
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

/// Records every request.
pub async fn record(Extract(state): Extract<Arc<State>>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    let is_idle;
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
        is_idle = idle.is_some_and(|idle| idle > IDLE_TIME);
        memory
            .parameters
            .extend(request.uri().query().map(str::to_owned));
    }
    if let Some(cold_start_delay) = state.settings.cold_start_delay.filter(|_| is_idle) {
        tokio::time::sleep(cold_start_delay).await;
    }
    next.run(request).await
}

/// Connects to the host of `url`, which is the first step of fetching it.
pub async fn fetch(url: &str) {
    let url = url::Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a host");
    let port = url.port_or_known_default().expect("a port");
    let _ = tokio::net::TcpStream::connect((host, port)).await;
}

/// Forgets what a vulnerable server loses in a restart.
pub async fn restart(Extract(state): Extract<Arc<State>>) {
    let mut memory = state.memory();
    match state.settings.vulnerability {
        Some(Vulnerability::ForgetsAccess) => memory.access.clear(),
        Some(Vulnerability::ForgetsRefresh) => memory.refresh.clear(),
        Some(Vulnerability::ForgetsClients) => memory.clients.clear(),
        _ => {}
    }
}
