//! An MCP server with OAuth that is correct by default and faulty on request.

#![allow(
    clippy::struct_excessive_bools,
    reason = "the switches are independent of each other"
)]

mod consent;
mod cors;
mod fault;
mod hostile_response;
mod intermediary;
mod mcp;
mod metadata;
mod offers;
mod pieces;
mod redirect;
mod registration;
mod state;
mod store_fault;
mod token;
mod tools;
mod vulnerability;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use tokio::{net::TcpListener, task::JoinHandle};

use self::state::State;
pub use self::{
    fault::Fault,
    hostile_response::{HostileResponse, Stage},
    store_fault::StoreFault,
    vulnerability::Vulnerability,
};

/// The configuration of the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The fault.
    pub fault: Option<Fault>,
    /// The violation of a rule of a store.
    pub store_fault: Option<StoreFault>,
    /// The vulnerability.
    pub vulnerability: Option<Vulnerability>,
    /// The password of the sign-in page; no sign-in page if unset.
    pub password: Option<String>,
    /// Whether requests require a token.
    pub requires_token: bool,
    /// Whether `initialize` is answered without a token.
    pub open_initialize: bool,
    /// Whether responses are sent as events.
    pub events: bool,
    /// Whether revision 2026-07-28 is supported.
    pub stateless: bool,
    /// Whether revision 2025-11-25 is supported.
    pub sessions: bool,
    /// Whether `tools/call` requires the scope `tools:call`, which the first challenge does not
    /// name.
    pub step_up: bool,
    /// `token_endpoint_auth_methods_supported`.
    pub methods: Vec<&'static str>,
    /// Clients registered by hand, with their secrets.
    pub clients: Vec<(&'static str, &'static str)>,
    /// Whether the server implements 2025-03-26 and has no resource metadata. `Some(true)` removes
    /// the issuer's metadata as well.
    pub old: Option<bool>,
    /// Whether client metadata documents are the only way to register.
    pub documents_only: bool,
    /// Whether client metadata documents are accepted in addition to registration.
    pub documents: bool,
    /// Whether a new grant of a client revokes its older grants, as some servers do.
    pub one_grant: bool,
    /// The lifetime of an access token, in seconds.
    pub lifetime: u64,
    /// The request that gets a harmful response, and the kind of harm.
    pub hostile_response: Option<(Stage, HostileResponse)>,
    /// The delay of the first response after half a second without a request.
    pub cold_start_delay: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fault: None,
            store_fault: None,
            vulnerability: None,
            password: None,
            requires_token: true,
            open_initialize: false,
            events: false,
            stateless: true,
            sessions: true,
            step_up: false,
            methods: vec!["none", "client_secret_basic", "client_secret_post"],
            clients: Vec::new(),
            old: None,
            documents_only: false,
            documents: false,
            one_grant: false,
            lifetime: 3_600,
            hostile_response: None,
            cold_start_delay: None,
        }
    }
}

/// A running server; it stops when dropped.
pub struct OAuthServer {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl OAuthServer {
    /// Starts a server without faults.
    pub async fn healthy() -> Self {
        Self::start(Settings::default()).await
    }

    /// Starts a server with one fault.
    pub async fn with(fault: Fault) -> Self {
        Self::start(Settings {
            fault: Some(fault),
            ..Settings::default()
        })
        .await
    }

    /// Starts a server that violates one rule of a store.
    pub async fn with_store_fault(fault: StoreFault) -> Self {
        Self::start(Settings {
            store_fault: Some(fault),
            ..Settings::default()
        })
        .await
    }

    /// Starts on a free port of this machine.
    pub async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port that was bound");
        let state = Arc::new(State::new(format!("http://{address}"), settings));
        let router = router(Arc::clone(&state));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving");
        });
        Self {
            address,
            state,
            task,
        }
    }

    /// Returns the URL of the MCP endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Returns the port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the bodies of all registrations.
    pub fn registrations(&self) -> Vec<serde_json::Value> {
        self.state.memory().registrations.clone()
    }

    /// Returns the query of every request that had one.
    pub fn parameters(&self) -> Vec<String> {
        self.state.memory().parameters.clone()
    }

    /// Returns the values of a header in all requests that had it.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let memory = self.state.memory();
        let named = memory.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    /// Forgets what a vulnerable server loses in a restart.
    pub async fn restart(&self) {
        state::restart(axum::extract::State(Arc::clone(&self.state))).await;
    }

    /// Returns the method and path of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests()
    }
}

impl Drop for OAuthServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/mcp", post(mcp::endpoint).get(mcp::get))
        .route(
            "/.well-known/oauth-protected-resource/mcp",
            get(metadata::resource),
        )
        .route(
            "/.well-known/oauth-protected-resource",
            get(metadata::resource),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(metadata::server),
        )
        .route(
            "/register",
            post(registration::register).layer(limit(&state, Vulnerability::LargeRegistration)),
        )
        .route(
            "/.well-known/openai-apps-challenge",
            get(store_fault::challenge),
        )
        .route("/restart", post(state::restart))
        .route("/authorize", get(consent::authorize))
        .route("/sign-in", post(consent::sign_in))
        .route("/consent", post(consent::consent))
        .route(
            "/token",
            post(token::token)
                .layer(limit(&state, Vulnerability::LargeTokenRequest))
                .layer(axum::middleware::from_fn_with_state(
                    Arc::clone(&state),
                    pieces::limit,
                )),
        )
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&state),
            hostile_response::replace_response,
        ))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&state),
            intermediary::respond,
        ))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&state),
            state::record,
        ))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&state),
            cors::allow,
        ))
        .with_state(state)
}

fn limit(state: &State, vulnerability: Vulnerability) -> DefaultBodyLimit {
    if state.is_vulnerable_to(vulnerability) {
        DefaultBodyLimit::disable()
    } else {
        DefaultBodyLimit::max(64 * 1024)
    }
}
