//! The HTTP client for the requests of tools.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{Method, header};
use reqwest::Client;
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use super::{
    http_client::{HttpError, HttpResponse, receive},
    tls,
};
use crate::base::error_chain::chain;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The time limit for a request and its whole response.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_RESPONSE_LEN: usize = 8 * 1024 * 1024;

/// An HTTP client for the requests of tools. It trusts the public certificate authorities and those
/// in `MCPO_CA`, and follows redirects. A request with its response may take ten seconds.
///
/// Create one client and keep it as a field of the server, because it reuses connections. It is
/// cheap to clone. Unlike another HTTP client in your project, it adds no time to compiling the
/// tools.
///
/// ```no_run
/// # use mcpo_runtime_oauth::net::api_client as mcpo_runtime;
/// # async fn example() -> Result<(), mcpo_runtime::ApiError> {
/// let api = mcpo_runtime::ApiClient::new();
/// let response = api
///     .get("https://api.example/items")
///     .query(&[("limit", "10")])
///     .send()
///     .await?;
/// if response.status() == 200 {
///     let items: Vec<String> = response.json()?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct ApiClient {
    /// Created on first use, because TLS takes memory.
    client: Arc<OnceLock<Client>>,
}

/// A request of an [`ApiClient`] that has not been sent yet.
#[must_use = "a request does nothing until it is sent"]
pub struct ApiRequest {
    client: ApiClient,
    method: Method,
    url: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Result<Vec<u8>, serde_json::Error>,
    max_response_len: usize,
}

/// A complete response with any status.
pub struct ApiResponse(HttpResponse);

/// The reason why a request has no response, or its response cannot be used. The message contains
/// neither the URL nor any header of the request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The URL, a header or the body of the request is not valid.
    #[error("the request is not valid: {0}")]
    #[non_exhaustive]
    Request(String),
    /// There is no connection to the server, or TLS cannot be set up.
    #[error("no connection: {0}")]
    #[non_exhaustive]
    Connect(String),
    /// There was no complete response in time.
    #[error("no response within {} seconds", REQUEST_TIMEOUT.as_secs())]
    Timeout,
    /// The response is longer than [`ApiRequest::max_response_len`] allows.
    #[error("the response is too long")]
    TooLong,
    /// The connection ended before the response was complete.
    #[error("the connection ended before the response was complete")]
    Interrupted,
    /// The body of the response does not have the expected form.
    #[error("the response is not {expected}")]
    #[non_exhaustive]
    Body {
        /// The expected form, such as "UTF-8 text".
        expected: &'static str,
    },
}

impl ApiClient {
    /// Creates a client. It sets up TLS with its first request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a GET request to this absolute URL.
    pub fn get(&self, url: impl Into<String>) -> ApiRequest {
        self.request(Method::GET, url.into())
    }

    /// Creates a POST request to this absolute URL.
    pub fn post(&self, url: impl Into<String>) -> ApiRequest {
        self.request(Method::POST, url.into())
    }

    /// Creates a PUT request to this absolute URL.
    pub fn put(&self, url: impl Into<String>) -> ApiRequest {
        self.request(Method::PUT, url.into())
    }

    /// Creates a PATCH request to this absolute URL.
    pub fn patch(&self, url: impl Into<String>) -> ApiRequest {
        self.request(Method::PATCH, url.into())
    }

    /// Creates a DELETE request to this absolute URL.
    pub fn delete(&self, url: impl Into<String>) -> ApiRequest {
        self.request(Method::DELETE, url.into())
    }

    fn request(&self, method: Method, url: String) -> ApiRequest {
        ApiRequest {
            client: self.clone(),
            method,
            url,
            query: Vec::new(),
            headers: Vec::new(),
            body: Ok(Vec::new()),
            max_response_len: MAX_RESPONSE_LEN,
        }
    }

    fn client(&self) -> Result<&Client, ApiError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let failed = |error: &dyn std::error::Error| ApiError::Connect(chain(error));
        let client = Client::builder()
            .tls_backend_preconfigured(tls::outgoing_config().map_err(|error| failed(&error))?)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            // Some public APIs reject requests without a `User-Agent`.
            .user_agent("mcpo-runtime")
            .build()
            .map_err(|error| failed(&error))?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl ApiRequest {
    /// Adds parameters to the query of the URL.
    pub fn query(mut self, parameters: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        self.query.extend(parameters.iter().map(owned));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends an access token in the `Authorization` header (RFC 6750 §2.1). See
    /// [`UpstreamToken::secret`](crate::login::UpstreamToken::secret).
    pub fn bearer_auth(self, token: &str) -> Self {
        self.header(header::AUTHORIZATION.as_str(), format!("Bearer {token}"))
    }

    /// Sends this value as JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self.body = serde_json::to_vec(value);
        self.header(header::CONTENT_TYPE.as_str(), "application/json")
    }

    /// Sends this body. Add a `Content-Type` header with [`Self::header`].
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Ok(body.into());
        self
    }

    /// Sets the longest response that is accepted, in bytes, instead of 8 MiB.
    pub fn max_response_len(mut self, len: usize) -> Self {
        self.max_response_len = len;
        self
    }

    /// Sends the request and reads the whole response.
    pub async fn send(self) -> Result<ApiResponse, ApiError> {
        let body = self
            .body
            .map_err(|error| ApiError::Request(error.to_string()))?;
        let client = self.client.client()?;
        let mut url =
            Url::parse(&self.url).map_err(|error| ApiError::Request(error.to_string()))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut request = client.request(self.method, url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.body(body);
        }
        let response = receive(request, self.max_response_len).await?;
        Ok(ApiResponse(response))
    }
}

impl ApiResponse {
    /// Returns the status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    /// Returns the value of a header. If the header appears more than once, this is the first one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// Returns the body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.body()
    }

    /// Returns the body as text.
    pub fn text(&self) -> Result<&str, ApiError> {
        let expected = "UTF-8 text";
        std::str::from_utf8(self.bytes()).map_err(|_| ApiError::Body { expected })
    }

    /// Returns the body as JSON of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let expected = "the expected JSON";
        self.0.json().ok_or(ApiError::Body { expected })
    }
}

impl From<HttpError> for ApiError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Request(cause) => Self::Request(cause),
            HttpError::SetUp(cause) | HttpError::Connect(cause) => Self::Connect(cause),
            HttpError::Timeout => Self::Timeout,
            HttpError::TooLong => Self::TooLong,
            HttpError::Broken => Self::Interrupted,
        }
    }
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiClient").finish_non_exhaustive()
    }
}

impl fmt::Debug for ApiRequest {
    /// URL, headers and body may contain secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApiRequest")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ApiResponse {
    /// Headers and body may contain secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApiResponse")
            .field("status", &self.0.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::Request};
    use tokio::net::TcpListener;

    use super::*;

    /// Starts a server that echoes requests, and returns its URL.
    async fn echo() -> String {
        let handler = async |request: Request| {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1024).await.unwrap();
            let of = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let (method, uri) = (parts.method.to_string(), parts.uri.to_string());
            let received = [method, uri, of("authorization"), of("content-type"), body];
            let received = serde_json::to_string(&received).unwrap();
            (http::StatusCode::CREATED, [("x-kind", "echo")], received)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    #[tokio::test]
    async fn a_request_carries_all_that_was_set_and_a_response_is_read() {
        let request = ApiClient::new().put(format!("{}/a", echo().await));
        let request = request
            .query(&[("q", "x y"), ("n", "1")])
            .bearer_auth("token")
            .json(&["one"]);
        let shown = format!("{request:?}");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.header("X-Kind"), Some("echo"));
        let received: Vec<String> = response.json().unwrap();
        let body = r#"["one"]"#;
        let expected = [
            "PUT",
            "/a?q=x+y&n=1",
            "Bearer token",
            "application/json",
            body,
        ];
        assert_eq!(received, expected);
        assert!(response.json::<u8>().is_err());
        assert!(!shown.contains("token"), "{shown}");
    }

    #[tokio::test]
    async fn errors_have_a_kind_and_contain_neither_url_nor_headers() {
        let client = ApiClient::new();
        let request = client.post(echo().await).bearer_auth("x").json(&1);
        let error = request.max_response_len(20).send().await.unwrap_err();
        assert!(matches!(error, ApiError::TooLong), "{error}");
        let error = client.get("http://127.0.0.1:1/?key=hunter2").send().await;
        let error = error.unwrap_err();
        assert!(matches!(error, ApiError::Connect(_)), "{error}");
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
        for request in [
            client.get("hunter2"),
            client.get("http://localhost").header("x", "hunter2\n"),
        ] {
            let error = request.send().await.unwrap_err();
            assert!(matches!(error, ApiError::Request(_)), "{error}");
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{error:?}"
            );
        }
    }
}
