//! What the server remembers, and the one thing that is wrong with it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    extract::{Request, State as Extract},
    middleware::Next,
    response::Response,
};

use super::{Fault, Settings};

/// Text that would clear the screen and lie about the verdict if it were printed as it is.
pub const HOSTILE: &str =
    "\u{1b}[2J\u{1b}[1;32mall checks passed\u{1b}]0;pwned\u{7}\u{202e}\u{9b}31m\r\nok";

/// What a code stands for.
#[derive(Clone)]
pub struct Pending {
    pub client: String,
    pub redirect_uri: String,
    pub challenge: String,
    pub resource: String,
    pub scope: String,
}

/// A client that registered.
#[derive(Clone)]
pub struct Client {
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
    pub refresh: HashMap<String, Pending>,
    pub registrations: Vec<serde_json::Value>,
    pub parameters: Vec<String>,
    requests: Vec<String>,
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

    pub fn takes_documents(&self) -> bool {
        self.settings.documents || self.settings.documents_only
    }

    pub fn requests(&self) -> Vec<String> {
        self.memory().requests.clone()
    }
}

/// Writes every request down.
pub async fn record(Extract(state): Extract<Arc<State>>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    {
        let mut memory = state.memory();
        memory.requests.push(line);
        memory
            .parameters
            .extend(request.uri().query().map(str::to_owned));
    }
    next.run(request).await
}
