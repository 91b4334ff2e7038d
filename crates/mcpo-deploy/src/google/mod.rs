//! A client for the Google APIs that a deployment uses.

pub mod api;
pub mod credentials;
mod error;
pub mod http;
mod message_equality;
pub mod method;
mod proxy;
mod refusal;
mod request;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde::{Serialize, de::DeserializeOwned};

use self::{
    api::{Operation, Page, iam},
    credentials::Credentials,
    http::Http,
    method::Method,
    request::JsonRequest,
};
pub use self::{
    error::{ErrorContext, GoogleError},
    message_equality::{are_equal_messages, are_equal_values},
    refusal::Refusal,
    request::Request,
};

/// The maximum number of pages; no list that deploy requests has as many.
const PAGES: usize = 100;
/// How long an enabled API may still be reported as disabled.
const PROPAGATION: Duration = Duration::from_secs(180);

/// Calls API methods with the given credentials.
#[derive(Debug)]
pub struct Google {
    http: Http,
    credentials: Credentials,
    /// Whether an API was just enabled, so that a "not enabled" error may be outdated.
    is_propagating: AtomicBool,
}

impl Google {
    pub fn new(http: Http, credentials: Credentials) -> Self {
        Self {
            http,
            credentials,
            is_propagating: AtomicBool::new(false),
        }
    }

    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub const fn http(&self) -> &Http {
        &self.http
    }

    /// From now on, retries calls to APIs that Google reports as disabled.
    pub fn expect_propagation(&self) {
        self.is_propagating.store(true, Ordering::Relaxed);
    }

    /// Sends a read request.
    pub async fn get<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<T, GoogleError> {
        self.call(method, Request::to(path)).await
    }

    /// Sends a read request and returns `None` if the resource does not exist.
    pub async fn find<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<Option<T>, GoogleError> {
        match self.get(method, path).await {
            Ok(found) => Ok(Some(found)),
            Err(GoogleError::NotFound(_)) => Ok(None),
            Err(google_error) => Err(google_error),
        }
    }

    /// Returns true if the resource exists.
    pub async fn exists(&self, method: &Method, path: &str) -> Result<bool, GoogleError> {
        let found = self.find::<serde::de::IgnoredAny>(method, path).await?;
        Ok(found.is_some())
    }

    /// Returns an IAM policy with all bindings, including those with conditions.
    pub async fn policy(&self, method: &Method, path: &str) -> Result<iam::Policy, GoogleError> {
        if method.verb == reqwest::Method::POST {
            let version = serde_json::json!({ "requestedPolicyVersion": iam::POLICY_VERSION });
            let body = serde_json::json!({ "options": version });
            return self.call(method, Request::with_body(path, &body)).await;
        }
        let name = if method.host.starts_with("storage.") {
            "optionsRequestedPolicyVersion"
        } else {
            "options.requestedPolicyVersion"
        };
        let request = Request {
            query: &[(name, &iam::POLICY_VERSION.to_string())],
            ..Request::to(path)
        };
        self.call(method, request).await
    }

    /// Returns all items of a list, page by page.
    pub async fn list<P: Page>(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<Vec<P::Item>, GoogleError> {
        let (items, _) = self.list_all::<P>(method, path).await?;
        Ok(items)
    }

    /// Returns the items of a list, page by page, and whether these are all items.
    pub async fn list_all<P: Page>(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<(Vec<P::Item>, bool), GoogleError> {
        let mut items = Vec::new();
        let mut token = String::new();
        for _ in 0..PAGES {
            let query = [("pageToken", token.as_str())];
            let request = Request {
                query: if token.is_empty() { &[] } else { &query },
                ..Request::to(path)
            };
            let page: P = self.call(method, request).await?;
            let (found, next) = page.into_parts();
            items.extend(found);
            if next.is_empty() {
                return Ok((items, true));
            }
            token = next;
        }
        Ok((items, false))
    }

    /// Calls a method and reads its response, which is `null` if it has no body. Waits for an API
    /// that was just enabled.
    pub async fn call<T: DeserializeOwned, B: Serialize>(
        &self,
        method: &Method,
        request: Request<'_, B>,
    ) -> Result<T, GoogleError> {
        let unreadable = |what: &str, status, error: serde_json::Error| {
            let refusal = Refusal::text(method.id, status, format!("{what}: {error}"));
            GoogleError::Refused(Box::new(refusal))
        };
        let body = request.body.map(serde_json::to_value).transpose();
        let body = body.map_err(|error| unreadable("the request is not JSON", 0, error))?;
        let request = JsonRequest {
            path: request.path,
            query: request.query,
            body: body.as_ref(),
        };
        let reply = self.call_when_enabled(method, request).await?;
        let text: &[u8] = if reply.body.is_empty() {
            b"null"
        } else {
            &reply.body
        };
        api::read(text).map_err(|error| {
            let what = if error.is_data() {
                "the response has an unknown form"
            } else {
                "the response is not JSON"
            };
            unreadable(what, reply.status.as_u16(), error)
        })
    }

    async fn call_when_enabled(
        &self,
        method: &Method,
        request: JsonRequest<'_>,
    ) -> Result<http::Reply, GoogleError> {
        let until = Instant::now() + PROPAGATION;
        let mut pause = Duration::from_millis(250);
        loop {
            match self.call_once(method, request).await {
                Err(GoogleError::Disabled(_))
                    if self.is_propagating.load(Ordering::Relaxed) && Instant::now() < until =>
                {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                outcome => return outcome,
            }
        }
    }

    async fn call_once(
        &self,
        method: &Method,
        request: JsonRequest<'_>,
    ) -> Result<http::Reply, GoogleError> {
        let mut reply = self.send(method, request).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            // The token may have been revoked, or the clock may be wrong. Retry once with a new
            // token.
            self.credentials.renew().await;
            reply = self.send(method, request).await?;
        }
        if reply.status.is_success() {
            return Ok(reply);
        }
        let who = self.credentials.who();
        let is_conditional = request.is_conditional();
        Err(GoogleError::read(method, &reply, who, is_conditional))
    }

    async fn send(
        &self,
        method: &Method,
        request: JsonRequest<'_>,
    ) -> Result<http::Reply, GoogleError> {
        let token = self
            .credentials
            .token()
            .await
            .map_err(|why| GoogleError::CredentialError(why.to_string()))?;
        let url = format!("https://{}/{}", method.host, request.path);
        let sent = self.http.send(method.host, |client| {
            let query = request.query.iter().fold(
                url::form_urlencoded::Serializer::new(String::new()),
                |mut query, (name, value)| {
                    query.append_pair(name, value);
                    query
                },
            );
            let url = match { query }.finish() {
                query if query.is_empty() => url.clone(),
                query => format!("{url}?{query}"),
            };
            let builder = client
                .request(method.verb.clone(), url)
                .bearer_auth(token.expose());
            let builder = match self.credentials.quota_project() {
                Some(project) => builder.header("x-goog-user-project", project),
                None => builder,
            };
            match request.body {
                Some(body) => builder.json(body),
                None if method.verb == reqwest::Method::POST => builder.header("content-length", 0),
                None => builder,
            }
        });
        Ok(sent.await?)
    }

    /// Waits until an operation of any API has finished.
    pub async fn finish(
        &self,
        method: &Method,
        path: impl Fn(&str) -> String,
        operation: Operation,
        timeout: Duration,
    ) -> Result<(), GoogleError> {
        let began = Instant::now();
        let mut operation = operation;
        let mut pause = Duration::from_millis(50);
        loop {
            if operation.done {
                return outcome(operation);
            }
            if began.elapsed() > timeout {
                return Err(GoogleError::TimedOut(timeout.as_secs()));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            operation = self.get(method, &path(&operation.name)).await?;
        }
    }
}

/// Returns the result of a finished operation.
pub fn outcome(operation: Operation) -> Result<(), GoogleError> {
    match operation.error {
        None => Ok(()),
        Some(error) => Err(GoogleError::Operation {
            code: error.code,
            refusal: Box::new(Refusal::of_operation("", error)),
        }),
    }
}
