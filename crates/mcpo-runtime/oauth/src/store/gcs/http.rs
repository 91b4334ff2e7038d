//! Sends requests to Google's servers: their addresses, the timeouts, and the meaning of errors.

use std::{fmt, str::FromStr, sync::OnceLock, time::Duration};

use http::{StatusCode, header};
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use url::Url;

use crate::{
    base::{error::Error, error_chain::chain},
    net::{
        response_body::{ResponseBodyError, read_response},
        tls,
    },
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The time limit for one request and its complete response.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// An access token takes about 1,000 bytes, and a record about 200 plus up to 16 KiB of sealed
/// text.
const MAX_RESPONSE_LEN: usize = 20 * 1024;

/// The text is not the name of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the name of a bucket: use 3 to 222 lower-case letters, digits, dashes, underscores and dots"
)]
pub struct BucketNameError(());

/// The name of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketName(String);

impl BucketName {
    /// Parses a name: 3 to 222 of the allowed characters.
    /// <https://cloud.google.com/storage/docs/buckets#naming>
    pub fn parse(text: &str) -> Result<Self, BucketNameError> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
        };
        let ends = |end: Option<u8>| end.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let bytes = text.as_bytes();
        let good = (3..=222).contains(&text.len())
            && bytes.iter().copied().all(allowed)
            && ends(bytes.first().copied())
            && ends(bytes.last().copied());
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BucketNameError(()))
        }
    }
}

impl FromStr for BucketName {
    type Err = BucketNameError;

    fn from_str(text: &str) -> Result<Self, BucketNameError> {
        Self::parse(text)
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The addresses of Google's servers or of an emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub(crate) storage: Url,
    /// The source of access tokens; `None` for an emulator without a metadata server.
    pub(crate) metadata: Option<Url>,
}

impl Endpoints {
    /// Returns the addresses of Google's servers.
    pub(crate) fn google() -> Self {
        Self::new(None, None)
    }

    /// `emulator` replaces Cloud Storage, and `metadata` replaces the metadata server. With only an
    /// emulator, requests have no tokens, as in Google's clients.
    pub(crate) fn new(emulator: Option<Url>, metadata: Option<Url>) -> Self {
        let metadata = match (&emulator, metadata) {
            (None, None) => Some(fixed("http://metadata.google.internal/")),
            (_, metadata) => metadata,
        };
        Self {
            storage: emulator.unwrap_or_else(|| fixed("https://storage.googleapis.com/")),
            metadata,
        }
    }
}

fn fixed(url: &'static str) -> Url {
    match Url::parse(url) {
        Ok(url) => url,
        Err(error) => unreachable!("{url}: {error}"),
    }
}

/// The HTTP client, created when it is first needed.
pub(super) struct Http(OnceLock<Client>);

impl Http {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(super) fn client(&self) -> Result<&Client, GcsError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = new_client().map_err(|error| GcsError::Permanent(chain(&error)))?;
        Ok(self.0.get_or_init(|| client))
    }
}

fn new_client() -> Result<Client, Error> {
    Client::builder()
        .tls_backend_preconfigured(tls::client_config(None)?)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ATTEMPT_TIMEOUT)
        .build()
        .map_err(Error::internal)
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum GcsError {
    /// A retry may succeed.
    #[error("{text}")]
    Transient {
        text: String,
        retry_after: Option<Duration>,
    },
    /// The access token was rejected; a new one may be accepted.
    #[error("{0}")]
    Token(String),
    /// A retry will not succeed.
    #[error("{0}")]
    Permanent(String),
}

impl GcsError {
    pub(super) const fn is_transient(&self) -> bool {
        !matches!(self, Self::Permanent(_))
    }

    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Transient { retry_after, .. } => *retry_after,
            Self::Token(_) | Self::Permanent(_) => None,
        }
    }

    fn transient(text: impl Into<String>) -> Self {
        Self::Transient {
            text: text.into(),
            retry_after: None,
        }
    }
}

/// Sends `request` to `whom`. Returns an error for a response that should be retried.
pub(super) async fn ask(whom: &str, request: RequestBuilder) -> Result<Response, GcsError> {
    let answer = request.send().await;
    let answer =
        answer.map_err(|error| GcsError::transient(format!("{whom}: {}", chain(&error))))?;
    let status = answer.status();
    let text = format!("{whom} answered {status}");
    match status {
        StatusCode::UNAUTHORIZED => Err(GcsError::Token(text)),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(later(&answer, text)),
        _ if status.is_server_error() => Err(later(&answer, text)),
        _ => Ok(answer),
    }
}

fn later(answer: &Response, text: String) -> GcsError {
    let header = answer.headers().get(header::RETRY_AFTER);
    let seconds = header
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok());
    GcsError::Transient {
        text,
        retry_after: seconds.map(Duration::from_secs),
    }
}

/// Reads the body of a response, up to the length limit.
pub(super) async fn body(whom: &str, answer: Response) -> Result<Vec<u8>, GcsError> {
    let body = read_response(answer, MAX_RESPONSE_LEN).await;
    body.map_err(|error| match error {
        ResponseBodyError::TooLong => GcsError::Permanent(format!(
            "{whom} answered with more than {MAX_RESPONSE_LEN} bytes"
        )),
        ResponseBodyError::Transport(error) => {
            GcsError::transient(format!("{whom}: {}", chain(&error)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_are_validated() {
        for good in ["abc", "my-service-ledger-123", "a.b_c-d"] {
            assert!(BucketName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "-abc",
            "abc-",
            "Abc",
            "a/b",
            "a b c",
            "a%2fb",
            &"a".repeat(223),
        ] {
            assert!(BucketName::parse(bad).is_err(), "{bad}");
        }
    }
}
