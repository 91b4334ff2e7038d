//! HTTP requests with limits on time, size, redirects and reach.

mod certificate;
mod connection;
mod error;
mod guard;
mod incoming;
mod network_scope;
mod pool;
mod proxy;
mod record;
mod sent;
mod tls;
mod user_agent;
mod verifier;

use std::{rc::Rc, time::Duration};

use mcpo_common::text::clean;
use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT},
};
use serde::de::DeserializeOwned;
use url::{Origin, Url};

use self::pool::{Pool, Speaker};
pub use self::{
    connection::Connection,
    error::RequestError,
    guard::Guard,
    incoming::Incoming,
    network_scope::{NetworkScope, is_loopback},
    proxy::proxy_variable,
    record::{Activity, Record, Recorder},
    sent::{Messages, Sent},
    user_agent::UserAgents,
};
use crate::page_text;

/// The most bytes that are read of a response.
pub const BODY_LIMIT: usize = 1024 * 1024;
/// The header of requests to servers on this machine. `mcpo dev` ignores these requests when it looks
/// for clients that stopped.
const PROBE_HEADER: HeaderName = HeaderName::from_static("x-mcpo-probe");
/// How many redirects of a metadata document are followed.
const REDIRECT_LIMIT: usize = 5;

/// Sends requests and reads responses within limits.
#[derive(Clone)]
pub struct HttpClient {
    pool: Rc<Pool>,
    scope: NetworkScope,
    timeout: Duration,
    connection: Rc<Connection>,
    origin: Origin,
    recorder: Rc<Recorder>,
    user_agents: Rc<UserAgents>,
}

/// A complete response.
pub struct Answer {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    fn head(incoming: &mut Incoming) -> Self {
        Self {
            url: incoming.url().clone(),
            status: incoming.status(),
            headers: std::mem::take(incoming.headers_mut()),
            body: Vec::new(),
        }
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    pub fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the response in a few words, for a report.
    pub fn summary(&self) -> String {
        describe(self.status, &self.text())
    }

    /// Returns the target of a redirect.
    pub fn location(&self) -> Option<Url> {
        if !self.status.is_redirection() {
            return None;
        }
        self.url.join(self.header(LOCATION)?).ok()
    }
}

/// Describes a status and a body in a few words.
pub fn describe(status: StatusCode, body: &str) -> String {
    let status = format!("HTTP {}", status.as_u16());
    let body = if body.trim_start().starts_with('<') {
        page_text::summary(body)
    } else {
        clean(body)
    };
    match body.as_str() {
        "" => status,
        body => format!("{status}, {body}"),
    }
}

impl HttpClient {
    /// Creates a client for the server at `target`. `timeout` limits the time for one response.
    pub fn new(
        target: &Url,
        guard: Guard,
        connection: Connection,
        timeout: Duration,
        recorder: Rc<Recorder>,
    ) -> Self {
        let connection = Rc::new(connection);
        Self {
            scope: guard.scope(),
            pool: Rc::new(Pool::new(target, guard, Rc::clone(&connection))),
            timeout,
            connection,
            origin: target.origin(),
            recorder,
            user_agents: Rc::default(),
        }
    }

    /// Returns an HTTP client with the same connections and cookies that sends these `User-Agent`
    /// headers.
    pub fn with_user_agents(&self, user_agents: UserAgents) -> Self {
        Self {
            user_agents: Rc::new(user_agents),
            ..self.clone()
        }
    }

    /// Returns the `User-Agent` of MCP requests in words, for a hint.
    pub fn mcp_user_agent(&self) -> String {
        self.shown_user_agent(Speaker::Mcp)
    }

    fn oauth_user_agent(&self) -> String {
        self.shown_user_agent(Speaker::OAuth)
    }

    /// Returns what to add to the hint if one of these responses was 403, or nothing.
    pub fn allow_oauth_user_agent(&self, seen: &[String]) -> String {
        if seen.iter().any(|seen| seen.ends_with("HTTP 403")) {
            format!(
                "; if a firewall answers, allow requests {}",
                self.oauth_user_agent()
            )
        } else {
            String::new()
        }
    }

    fn shown_user_agent(&self, speaker: Speaker) -> String {
        self.user_agents.of(speaker).map_or_else(
            || "without a User-Agent".to_owned(),
            |value| format!("with the User-Agent {value:?}"),
        )
    }

    /// Returns true if the target is public. Clients on other machines reach only such targets.
    pub const fn is_public(&self) -> bool {
        matches!(self.scope, NetworkScope::Public)
    }

    /// Returns an HTTP client with the same connections and cookies, but another time limit.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Returns an HTTP client that shares no cookies and no connections with this one.
    pub fn without_state(&self) -> Self {
        Self {
            pool: Rc::new(self.pool.without_state()),
            ..self.clone()
        }
    }

    /// Returns the names of the headers that the user added, except `User-Agent`.
    pub fn added_headers(&self) -> Vec<&str> {
        let names = self.connection.headers.iter().map(|(name, _)| name);
        names
            .filter(|name| **name != USER_AGENT)
            .map(HeaderName::as_str)
            .collect()
    }

    /// Returns an HTTP client that does not send the headers that the user added, or `None` if there
    /// are none.
    pub fn without_added_headers(&self) -> Option<Self> {
        if self.added_headers().is_empty() {
            return None;
        }
        let mut connection = Connection::clone(&self.connection);
        connection.headers.retain(|(name, _)| name == USER_AGENT);
        Some(Self {
            connection: Rc::new(connection),
            ..self.clone()
        })
    }

    /// Returns the time limit for one response.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Creates a request of the client's OAuth part.
    pub fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, RequestError> {
        self.prepared(Speaker::OAuth, method, url)
    }

    /// Creates a request of the client's MCP part.
    pub fn mcp_request(&self, method: Method, url: &Url) -> Result<RequestBuilder, RequestError> {
        self.prepared(Speaker::Mcp, method, url)
    }

    /// Creates a request of the user's browser for a page.
    pub fn browse(&self, method: Method, url: &Url) -> Result<RequestBuilder, RequestError> {
        let request = self.prepared(Speaker::Browser, method, url)?;
        Ok(request.header(ACCEPT, "text/html"))
    }

    fn prepared(
        &self,
        speaker: Speaker,
        method: Method,
        url: &Url,
    ) -> Result<RequestBuilder, RequestError> {
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err(RequestError::Insecure(url.clone()));
        }
        self.scope
            .check(url)
            .map_err(|blocked| RequestError::Blocked(blocked.to_string()))?;
        let request = self.pool.get(speaker, url)?.request(method, url.clone());
        Ok(match self.user_agents.of(speaker) {
            Some(value) => request.header(USER_AGENT, value),
            None => request,
        })
    }

    /// Sends `request` with the user's additional headers. The caller limits the time.
    pub async fn dispatch(&self, request: RequestBuilder) -> Result<Incoming, RequestError> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|error| RequestError::from_reqwest(&error))?;
        // Headers for the server must not go to other origins.
        if request.url().origin() == self.origin {
            for (name, value) in &self.connection.headers {
                if name == USER_AGENT {
                    // The user's value replaces that of the client.
                    request.headers_mut().insert(name, value.clone());
                } else if !request.headers().contains_key(name) {
                    request.headers_mut().append(name, value.clone());
                }
            }
        }
        if is_loopback(request.url()) {
            let value = HeaderValue::from_static("1");
            request.headers_mut().insert(PROBE_HEADER, value);
        }
        let record = self.recorder.begin(&request);
        match client.execute(request).await {
            Ok(response) => {
                record.answered(response.status(), response.headers());
                Ok(Incoming::new(response, record))
            }
            Err(error) => {
                let request_error = RequestError::from_reqwest(&error);
                record.failed(&request_error);
                Err(request_error)
            }
        }
    }

    /// Sends `request` and returns the complete response.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, RequestError> {
        self.within(async { Self::read(self.dispatch(request).await?).await })
            .await
    }

    /// Sends `request` and returns the head of the response; the body, which may be a stream, is
    /// not read.
    pub async fn send_for_head(&self, request: RequestBuilder) -> Result<Answer, RequestError> {
        self.within(async { Ok(Answer::head(&mut self.dispatch(request).await?)) })
            .await
    }

    /// Ends `work` when its time is up, even if bytes still arrive slowly.
    pub async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or(Err(RequestError::TimedOut(self.timeout)))
    }

    /// Reads the rest of a response, up to [`BODY_LIMIT`].
    pub async fn read(mut incoming: Incoming) -> Result<Answer, RequestError> {
        let mut answer = Answer::head(&mut incoming);
        while let Some(chunk) = incoming.chunk().await? {
            if answer.body.len() + chunk.len() > BODY_LIMIT {
                return Err(RequestError::TooLarge);
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// Fetches a document, following redirects by hand so that every hop is checked.
    pub async fn fetch(&self, url: &Url) -> Result<Answer, RequestError> {
        let mut next = url.clone();
        for _ in 0..=REDIRECT_LIMIT {
            let request = self
                .request(Method::GET, &next)?
                .header("accept", "application/json");
            let answer = self.send(request).await?;
            match answer.location() {
                Some(location) => next = location,
                None => return Ok(answer),
            }
        }
        Err(RequestError::TooManyRedirects)
    }
}
