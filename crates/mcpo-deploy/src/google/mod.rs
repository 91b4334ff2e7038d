//! A client for the Google APIs that a deployment uses.

pub mod credentials;
mod equivalence;
mod error;
pub mod http;
pub mod method;
mod proxy;
mod refusal;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::Value;

use self::{credentials::Credentials, http::Http, method::Method};
pub use self::{
    equivalence::is_equivalent,
    error::{ErrorContext, GoogleError},
    refusal::Refusal,
};

/// The first version of IAM policies with conditions; older versions omit them.
pub const POLICY_VERSION: u8 = 3;
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

/// The parameters of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<&'a Value>,
}

impl Request<'_> {
    /// Returns true if the request states which version it expects to change.
    fn is_conditional(&self) -> bool {
        let has_etag =
            |body: &Value| body["etag"].is_string() || body["policy"]["etag"].is_string();
        self.body.is_some_and(has_etag)
            || self.query.iter().any(|(name, _)| {
                matches!(
                    *name,
                    "ifGenerationMatch" | "ifMetagenerationMatch" | "etag"
                )
            })
    }
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
    pub async fn get(&self, method: &Method, path: &str) -> Result<Value, GoogleError> {
        self.call(
            method,
            Request {
                path,
                ..Request::default()
            },
        )
        .await
    }

    /// Sends a read request and returns `None` if the resource does not exist.
    pub async fn find(&self, method: &Method, path: &str) -> Result<Option<Value>, GoogleError> {
        match self.get(method, path).await {
            Ok(found) => Ok(Some(found)),
            Err(GoogleError::NotFound(_)) => Ok(None),
            Err(google_error) => Err(google_error),
        }
    }

    /// Returns an IAM policy with all bindings, including those with conditions.
    pub async fn policy(&self, method: &Method, path: &str) -> Result<Value, GoogleError> {
        let name = if method.host.starts_with("storage.") {
            "optionsRequestedPolicyVersion"
        } else {
            "options.requestedPolicyVersion"
        };
        let request = Request {
            path,
            query: &[(name, &POLICY_VERSION.to_string())],
            body: None,
        };
        self.call(method, request).await
    }

    /// Returns all items of a list, page by page.
    pub async fn list(
        &self,
        method: &Method,
        path: &str,
        field: &str,
    ) -> Result<Vec<Value>, GoogleError> {
        let mut items = Vec::new();
        let mut token = String::new();
        for _ in 0..PAGES {
            let query = [("pageToken", token.as_str())];
            let request = Request {
                path,
                query: if token.is_empty() { &[] } else { &query },
                body: None,
            };
            let mut page = self.call(method, request).await?;
            if let Value::Array(found) = page[field].take() {
                items.extend(found);
            }
            match page["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => next.clone_into(&mut token),
                _ => return Ok(items),
            }
        }
        Ok(items)
    }

    /// Calls a method. Waits for an API that was just enabled.
    pub async fn call(&self, method: &Method, request: Request<'_>) -> Result<Value, GoogleError> {
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

    async fn call_once(&self, method: &Method, request: Request<'_>) -> Result<Value, GoogleError> {
        let mut reply = self.send(method, request).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            // The token may have been revoked, or the clock may be wrong. Retry once with a new
            // token.
            self.credentials.renew().await;
            reply = self.send(method, request).await?;
        }
        if !reply.status.is_success() {
            let who = self.credentials.who();
            return Err(GoogleError::read(
                method,
                &reply,
                who,
                request.is_conditional(),
            ));
        }
        if reply.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&reply.body).map_err(|error| {
            let message = format!("the response is not JSON: {error}");
            let refusal = Refusal::text(method.id, reply.status.as_u16(), message);
            GoogleError::Refused(Box::new(refusal))
        })
    }

    async fn send(
        &self,
        method: &Method,
        request: Request<'_>,
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
        operation: Value,
        patience: Duration,
    ) -> Result<Value, GoogleError> {
        let began = Instant::now();
        let mut operation = operation;
        let mut pause = Duration::from_millis(50);
        loop {
            if operation["done"] == true {
                return outcome(operation);
            }
            if began.elapsed() > patience {
                return Err(GoogleError::TimedOut(patience.as_secs()));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            let name = operation["name"].as_str().unwrap_or_default().to_owned();
            operation = self.get(method, &path(&name)).await?;
        }
    }
}

/// Returns the result of a finished operation.
pub fn outcome(mut operation: Value) -> Result<Value, GoogleError> {
    match &operation["error"] {
        Value::Null => Ok(operation["response"].take()),
        error => Err(GoogleError::Operation {
            code: error["code"].as_i64().unwrap_or_default(),
            refusal: Box::new(Refusal::of_operation("", error)),
        }),
    }
}
