//! A stand-in for GitHub: the pages and endpoints of its OAuth web flow and the few calls of its API
//! that are used here, as strict as GitHub documents them. What it has to complain about in a request
//! is answered as GitHub does, and kept to be asserted on.
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

/// The app that it knows.
pub const CLIENT_ID: &str = "Iv1.0123456789abcdef";
/// The secret of that app.
pub const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef01234567";

/// A running stand-in; it ends with the value.
pub struct GitHub {
    /// Where it listens.
    pub address: SocketAddr,
    state: Shared,
    task: JoinHandle<()>,
}

type Shared = Arc<Mutex<State>>;

/// What it answers instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With this status, and nothing that could be read.
    Status(u16),
    /// That there were too many requests.
    RateLimit,
    /// Nothing for a long time.
    Silence,
    /// What it should, after so many milliseconds.
    Late(u64),
    /// More than anybody wants to read.
    TooMuch,
    /// With this text as JSON, and status 200.
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
    complaints: Vec<String>,
    calls: Vec<String>,
    handed_out: Vec<String>,
    made: u64,
}

#[derive(Clone, Default)]
struct Account {
    id: u64,
    /// Organisations, with how the membership stands.
    organizations: BTreeMap<String, &'static str>,
    /// `organisation/team`.
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
        self.handed_out.push(secret.clone());
        secret
    }

    fn complain(&mut self, about: impl Into<String>) {
        self.complaints.push(about.into());
    }
}

impl GitHub {
    /// Begins, without an account.
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
            .layer(middleware::from_fn_with_state(Arc::clone(&state), stumble))
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

    /// Its URL, as that of a GitHub Enterprise Server.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The settings of a server whose people sign in here.
    pub fn login(&self) -> mcpo_runtime::login::GitHub {
        mcpo_runtime::login::GitHub::new(CLIENT_ID, CLIENT_SECRET)
            .at_server(&self.url())
            .expect("a server on loopback")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a lock")
    }

    /// Sets the callback URL of the app: it belongs to the server at `base`.
    pub fn set_callback(&self, base: &str) {
        self.lock().callback = format!("{base}/auth/github/callback");
    }

    /// Presses the button of an account on the page at `url`; where the browser is sent then.
    pub async fn decide(&self, url: &str, login: &str) -> String {
        let browser = crate::client::browser();
        let page = browser.get(url).send().await.expect("an answer");
        assert_eq!(page.status(), StatusCode::OK, "{:?}", self.complaints());
        let decision = browser.post(url).form(&[("account", login)]).send().await;
        crate::client::location(&decision.expect("an answer"))
    }

    /// Opens an account.
    pub fn open(&self, login: &str, id: u64) {
        let account = Account {
            id,
            ..Account::default()
        };
        self.lock().accounts.insert(login.to_owned(), account);
    }

    /// Gives an account another name.
    pub fn rename(&self, login: &str, new: &str) {
        let mut state = self.lock();
        let account = state.accounts.remove(login).expect("an account");
        state.accounts.insert(new.to_owned(), account);
    }

    /// Makes an account a member, or only invites it.
    pub fn set_membership(&self, login: &str, organization: &str, standing: &'static str) {
        let mut state = self.lock();
        let account = state.accounts.get_mut(login).expect("an account");
        let lists = if organization.contains('/') {
            &mut account.teams
        } else {
            &mut account.organizations
        };
        lists.insert(organization.to_owned(), standing);
    }

    /// Hands out tokens that expire, as a GitHub App's do.
    pub fn expire_tokens_after(&self, lifetime: Duration) {
        self.lock().lifetime = Some(lifetime);
    }

    /// Takes no token any more that was handed out so far: the person has removed the app.
    pub fn revoke_everything(&self) {
        let mut state = self.lock();
        state.tokens.clear();
        state.refresh_tokens.clear();
    }

    /// Answers the next request for `path` wrongly.
    pub fn fail(&self, path: &'static str, fault: Fault) {
        self.lock().faults.push((path, fault));
    }

    /// How often `path` was asked for.
    pub fn calls(&self, path: &str) -> usize {
        self.lock()
            .calls
            .iter()
            .filter(|call| *call == path)
            .count()
    }

    /// Every code, token and secret that it has handed out.
    pub fn secrets(&self) -> Vec<String> {
        let handed_out = self.lock().handed_out.clone();
        [handed_out, vec![CLIENT_SECRET.to_owned()]].concat()
    }

    /// What was wrong with the requests so far.
    pub fn complaints(&self) -> Vec<String> {
        self.lock().complaints.clone()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Notes the call, and answers it wrongly where that was asked for.
async fn stumble(FromState(state): FromState<Shared>, request: Request, next: Next) -> Response {
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
        Some(Fault::Late(milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            next.run(request).await
        }
        Some(Fault::Silence) => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::OK.into_response()
        }
        Some(Fault::TooMuch) => "x".repeat(1024 * 1024).into_response(),
        Some(Fault::Text(text)) => ([("content-type", "application/json")], text).into_response(),
    }
}
