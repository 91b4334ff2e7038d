//! Requests to servers that the owner configured. They have limits for time and size, and never
//! follow redirects.

use std::{fmt, sync::OnceLock, time::Duration};

use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde::de::DeserializeOwned;
use url::Url;

use super::{
    addresses::is_loopback_host,
    response_body::{ResponseBodyError, read_response},
    tls,
};
use crate::base::{error::Error, error_chain::chain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The time limit for a request and its whole response. A user or a client is waiting.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(6);
const MAX_RESPONSE_LEN: usize = 256 * 1024;

/// The HTTP client for these requests. It is created on first use, because TLS takes memory.
#[derive(Default)]
pub(crate) struct HttpClient(OnceLock<Client>);

/// A response with any status.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

/// The reason why a request has no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("TLS cannot be set up: {0}")]
    SetUp(String),
    #[error("the request is not valid: {0}")]
    Request(String),
    #[error("no connection: {0}")]
    Connect(String),
    #[error("no response within {} seconds", REQUEST_TIMEOUT.as_secs())]
    Timeout,
    #[error("the response is longer than {MAX_RESPONSE_LEN} bytes")]
    TooLong,
    #[error("the connection ended before the response was complete")]
    Broken,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HttpClient")
    }
}

impl HttpClient {
    /// Sends the request that `build` makes.
    pub(crate) async fn ask(
        &self,
        build: impl FnOnce(&Client) -> RequestBuilder,
    ) -> Result<HttpResponse, HttpError> {
        let request = build(self.client()?).header(header::USER_AGENT, "mcpo-runtime");
        receive(request, MAX_RESPONSE_LEN).await
    }

    fn client(&self) -> Result<&Client, HttpError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = new_client().map_err(|error| HttpError::SetUp(chain(&error)))?;
        Ok(self.0.get_or_init(|| client))
    }
}

/// Sends `request` and reads the whole response, which may have `max_len` bytes.
pub(super) async fn receive(
    request: RequestBuilder,
    max_len: usize,
) -> Result<HttpResponse, HttpError> {
    let response = request.send().await.map_err(|error| {
        if error.is_timeout() {
            return HttpError::Timeout;
        }
        let is_invalid = error.is_builder();
        // The URL is left out, because its query may contain secrets.
        let cause = chain(&error.without_url());
        if is_invalid {
            HttpError::Request(cause)
        } else {
            HttpError::Connect(cause)
        }
    })?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read_response(response, max_len).await;
    Ok(HttpResponse {
        status,
        headers,
        body: body.map_err(|error| match error {
            ResponseBodyError::TooLong => HttpError::TooLong,
            ResponseBodyError::Transport(error) if error.is_timeout() => HttpError::Timeout,
            ResponseBodyError::Transport(_) => HttpError::Broken,
        })?,
    })
}

impl HttpResponse {
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body, if it is JSON of this type.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

fn new_client() -> Result<Client, Error> {
    Client::builder()
        .tls_backend_preconfigured(tls::outgoing_config()?)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .build()
        .map_err(Error::internal)
}

/// Parses the URL of a server that may be requested: https, or http on this machine.
pub(crate) fn server_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let loopback = is_loopback_host(&url.host()?);
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let sealed = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    (plain && sealed).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_server_urls_are_accepted() {
        for good in [
            "https://github.com",
            "https://ghe.example/api/v3",
            "http://127.0.0.1:9000",
            "http://localhost:1/a",
            "http://[::1]:1",
        ] {
            assert!(server_url(good).is_some(), "{good}");
        }
        for bad in [
            "http://github.com",
            "ftp://localhost",
            "https://a:b@github.com",
            "https://github.com?x=1",
            "https://github.com#x",
            "github.com",
        ] {
            assert!(server_url(bad).is_none(), "{bad}");
        }
    }
}
