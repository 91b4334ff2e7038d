//! A fake GitHub: the pages and endpoints of its OAuth web flow and the API calls that the runtime
//! uses, as strict as GitHub documents them. It answers invalid requests as GitHub does, and
//! records them as complaints for the test to check.
//!
//! <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens>

mod api;
mod web;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State as FromState},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// The client id of the registered app.
pub const CLIENT_ID: &str = "Iv1.0123456789abcdef";
/// The client secret of the registered app.
pub const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef01234567";

/// A running fake GitHub; it stops when dropped.
pub struct GitHub {
    /// The address that it listens on.
    pub address: SocketAddr,
    state: Shared,
    task: JoinHandle<()>,
}

type Shared = Arc<Mutex<State>>;

/// A wrong response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status and an empty body.
    Status(u16),
    /// The response for too many requests.
    RateLimit,
    /// No response for 60 seconds.
    NoResponse,
    /// The correct response, after this many milliseconds.
    Delayed(u64),
    /// A response that is larger than clients accept (1 MiB).
    OversizedBody,
    /// This text as JSON, with status 200.
    Text(&'static str),
}

#[derive(Default)]
struct State {
    callback: String,
    accounts: BTreeMap<String, Account>,
    codes: BTreeMap<String, Code>,
    tokens: BTreeMap<String, Token>,
    refresh_tokens: BTreeMap<String, Token>,
    lifetime: Option<Duration>,
    faults: Vec<(&'static str, Fault)>,
    violations: Vec<String>,
    calls: Vec<String>,
    issued: Vec<String>,
    made: u64,
}

#[derive(Clone, Default)]
struct Account {
    id: u64,
    /// Organizations, with the state of the membership.
    organizations: BTreeMap<String, &'static str>,
    /// Teams as `organization/team`, with the state of the membership.
    teams: BTreeMap<String, &'static str>,
}

struct Code {
    account: u64,
    redirect_uri: String,
    challenge: String,
    scope: String,
}

#[derive(Clone)]
struct Token {
    account: u64,
    scope: String,
}

impl State {
    fn secret(&mut self, prefix: &str) -> String {
        self.made += 1;
        let secret = format!("{prefix}{:036}", self.made);
        self.issued.push(secret.clone());
        secret
    }

    fn add_violation(&mut self, about: impl Into<String>) {
        self.violations.push(about.into());
    }
}

impl GitHub {
    /// Starts without any accounts.
    pub async fn start() -> Self {
        let state = Shared::default();
        let router = Router::new()
            .route("/login/oauth/authorize", get(web::page).post(web::decide))
            .route("/login/oauth/access_token", post(web::token))
            .route("/api/v3/user", get(api::user))
            .route("/api/v3/user/repos", get(api::repositories))
            .route("/api/v3/user/starred", get(api::starred))
            .route(
                "/api/v3/user/memberships/orgs/{org}",
                get(api::organization),
            )
            .route(
                "/api/v3/orgs/{org}/teams/{team}/memberships/{login}",
                get(api::team),
            )
            .layer(middleware::from_fn_with_state(
                Arc::clone(&state),
                apply_fault,
            ))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a server");
        });
        Self {
            address,
            state,
            task,
        }
    }

    /// Returns the base URL, as for a GitHub Enterprise Server.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the login settings of an MCP server whose users sign in with this fake.
    pub fn login(&self) -> mcpo_runtime::login::GitHub {
        mcpo_runtime::login::GitHub::new(CLIENT_ID, CLIENT_SECRET)
            .at_server(&self.url())
            .expect("a server on loopback")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a lock")
    }

    /// Sets the callback URL of the app, for the MCP server at `base`.
    pub fn set_callback(&self, base: &str) {
        self.lock().callback = format!("{base}/auth/github/callback");
    }

    /// Chooses an account on the page at `url` and returns the URL of the redirect that follows.
    pub async fn decide(&self, url: &str, login: &str) -> String {
        let browser = crate::client::browser();
        let page = browser.get(url).send().await.expect("an answer");
        assert_eq!(page.status(), StatusCode::OK, "{:?}", self.violations());
        let decision = browser.post(url).form(&[("account", login)]).send().await;
        crate::client::location(&decision.expect("an answer"))
    }

    /// Creates an account.
    pub fn add_account(&self, login: &str, id: u64) {
        let account = Account {
            id,
            ..Account::default()
        };
        self.lock().accounts.insert(login.to_owned(), account);
    }

    /// Renames an account.
    pub fn rename(&self, login: &str, new: &str) {
        let mut state = self.lock();
        let account = state.accounts.remove(login).expect("an account");
        state.accounts.insert(new.to_owned(), account);
    }

    /// Sets the state of an account's membership in an organization or team.
    pub fn set_membership(&self, login: &str, organization: &str, membership: &'static str) {
        let mut state = self.lock();
        let account = state.accounts.get_mut(login).expect("an account");
        let lists = if organization.contains('/') {
            &mut account.teams
        } else {
            &mut account.organizations
        };
        lists.insert(organization.to_owned(), membership);
    }

    /// Issues tokens that expire, as for a GitHub App.
    pub fn expire_tokens_after(&self, lifetime: Duration) {
        self.lock().lifetime = Some(lifetime);
    }

    /// Revokes all tokens issued so far, as if the user had removed the app.
    pub fn revoke_everything(&self) {
        let mut state = self.lock();
        state.tokens.clear();
        state.refresh_tokens.clear();
    }

    /// Makes the next request for `path` fail.
    pub fn fail(&self, path: &'static str, fault: Fault) {
        self.lock().faults.push((path, fault));
    }

    /// Returns the number of requests for `path`.
    pub fn calls(&self, path: &str) -> usize {
        self.lock()
            .calls
            .iter()
            .filter(|call| *call == path)
            .count()
    }

    /// Returns every code, token and secret that was issued.
    pub fn secrets(&self) -> Vec<String> {
        let issued = self.lock().issued.clone();
        [issued, vec![CLIENT_SECRET.to_owned()]].concat()
    }

    /// Returns the complaints about the requests so far.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Records the call and applies the fault that is set for its path.
async fn apply_fault(
    FromState(state): FromState<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let fault = {
        let mut state = state.lock().expect("a lock");
        let path = request.uri().path().to_owned();
        let found = state.faults.iter().position(|(at, _)| *at == path);
        state.calls.push(path);
        found.map(|index| state.faults.remove(index).1)
    };
    match fault {
        None => next.run(request).await,
        Some(Fault::Status(status)) => StatusCode::from_u16(status)
            .expect("a status")
            .into_response(),
        Some(Fault::RateLimit) => (
            StatusCode::FORBIDDEN,
            [("x-ratelimit-remaining", "0")],
            axum::Json(json!({ "message": "API rate limit exceeded" })),
        )
            .into_response(),
        Some(Fault::Delayed(milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            next.run(request).await
        }
        Some(Fault::NoResponse) => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::OK.into_response()
        }
        Some(Fault::OversizedBody) => "x".repeat(1024 * 1024).into_response(),
        Some(Fault::Text(text)) => ([("content-type", "application/json")], text).into_response(),
    }
}
