//! Responses to JSON-RPC requests, as JSON or as a stream of events.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use mcpo_common::text::clean;
use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use sse_stream::SseStream;
use url::Url;

use crate::{
    http::{Answer, BODY_LIMIT, HttpClient, Incoming, RequestError, describe},
    oauth::Challenge,
};

/// The id of a request over HTTP, where each request has its own response.
pub const ONLY_ID: u64 = 1;
/// Time limit for reading the body of a 401.
const READING: Duration = Duration::from_millis(500);

/// A response.
#[derive(Debug)]
pub enum Reply {
    Result(Value),
    /// A JSON-RPC error.
    Error {
        code: i64,
        message: String,
        data: Value,
    },
    /// A notification was accepted.
    Accepted,
    /// 401.
    Unauthorized(Unauthorized),
    /// 403 that asks for more scopes.
    InsufficientScope(Challenge),
    /// Any other response over HTTP.
    Unexpected(Unexpected),
    /// A local server gave no usable response: why not.
    Unanswered(String),
}

/// A response that is not one of JSON-RPC.
#[derive(Clone, Debug)]
pub struct Unexpected {
    /// The response in a few words, for a report.
    pub seen: String,
    /// The HTTP status.
    pub status: StatusCode,
    /// The target of a redirect.
    pub location: Option<Url>,
    /// Whether the body is a web page.
    pub is_page: bool,
}

/// A 401.
#[derive(Clone, Debug)]
pub struct Unauthorized {
    /// The bearer challenge, if there is a readable one.
    pub challenge: Option<Challenge>,
    /// The `WWW-Authenticate` headers as received; empty if there are none.
    pub received: String,
}

impl Reply {
    /// Returns true if the request was refused because of the token or the lack of one.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Unauthorized(_) | Self::InsufficientScope(_))
    }

    /// Returns true if the server, or a firewall in front of it, answered 403 and asks for nothing.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Unexpected(other) if other.status == StatusCode::FORBIDDEN)
    }

    /// Returns the response in a few words, for a report.
    pub fn summary(&self) -> String {
        match self {
            Self::Result(result) => format!("result {}", clean(&result.to_string())),
            Self::Error { code, message, .. } => format!("error {code}: {message}"),
            Self::Accepted => "an empty answer".to_owned(),
            Self::Unauthorized(_) => "HTTP 401".to_owned(),
            Self::InsufficientScope(challenge) => {
                format!("HTTP 403, insufficient_scope for {}", challenge.scopes)
            }
            Self::Unexpected(other) => other.seen.clone(),
            Self::Unanswered(because) => because.clone(),
        }
    }
}

/// Reads a response of either kind.
pub async fn read(incoming: Incoming) -> Result<Reply, RequestError> {
    let status = incoming.status();
    let kind = incoming
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_lowercase();
    if status == StatusCode::UNAUTHORIZED {
        let unauthorized = Unauthorized {
            challenge: Challenge::from_headers(incoming.headers()),
            received: Challenge::received(incoming.headers()),
        };
        // The body distinguishes servers, but clients do not wait for it.
        let _ = tokio::time::timeout(READING, HttpClient::read(incoming)).await;
        return Ok(Reply::Unauthorized(unauthorized));
    }
    if status == StatusCode::FORBIDDEN
        && let Some(challenge) = Challenge::from_headers(incoming.headers())
        && challenge.error.as_deref() == Some("insufficient_scope")
    {
        return Ok(Reply::InsufficientScope(challenge));
    }
    if status.is_success() && kind.starts_with("text/event-stream") {
        return events(incoming).await;
    }
    let answer = HttpClient::read(incoming).await?;
    Ok(document(&answer, &kind))
}

fn document(answer: &Answer, kind: &str) -> Reply {
    let message = answer.json::<Value>().ok();
    match message.as_ref().and_then(only_response) {
        // Errors may have a 4xx status and any content type. Results must have the right content
        // type, or the SDKs do not read them.
        Some(reply @ Reply::Error { .. }) => reply,
        Some(reply) if answer.status.is_success() && kind.starts_with("application/json") => reply,
        _ if answer.status.is_success() && answer.body.is_empty() => Reply::Accepted,
        _ => {
            let location = answer.location();
            let seen = match &location {
                _ if answer.status.is_success() => format!("{} as {kind:?}", answer.summary()),
                Some(location) => format!("HTTP {} to {location}", answer.status.as_u16()),
                None => describe(answer.status, &answer.text()),
            };
            Reply::Unexpected(Unexpected {
                seen,
                status: answer.status,
                location,
                is_page: kind.starts_with("text/html"),
            })
        }
    }
}

/// Reads events until the response arrives; a server may keep its stream open after that.
async fn events(incoming: Incoming) -> Result<Reply, RequestError> {
    let status = incoming.status();
    let unexpected = |seen: String| {
        Reply::Unexpected(Unexpected {
            seen,
            status,
            location: None,
            is_page: false,
        })
    };
    let bytes = stream::try_unfold((incoming, 0), async |(mut incoming, read)| {
        let Some(chunk) = incoming.chunk().await? else {
            return Ok(None);
        };
        let read = read + chunk.len();
        if read > BODY_LIMIT {
            return Err(RequestError::TooLarge);
        }
        Ok(Some((chunk, (incoming, read))))
    });
    let mut events = Box::pin(SseStream::from_bytes_stream(bytes));
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(sse_stream::Error::Body(error)) => {
                return Err(match error.downcast::<RequestError>() {
                    Ok(request_error) => *request_error,
                    Err(error) => RequestError::Other(error.to_string()),
                });
            }
            Err(error) => return Ok(unexpected(format!("a broken event stream: {error}"))),
        };
        let message = event
            .data
            .and_then(|data| serde_json::from_str::<Value>(&data).ok());
        // Skip notifications and requests of the server.
        if let Some(reply) = message.as_ref().and_then(only_response) {
            return Ok(reply);
        }
    }
    Ok(unexpected(
        "an event stream that ended without an answer".to_owned(),
    ))
}

/// Returns the response to the only request of a connection.
fn only_response(message: &Value) -> Option<Reply> {
    response(message, &json!(ONLY_ID))
}

/// Returns the response in a JSON-RPC message, if it is one. A result must have the id of the
/// request; an error may have none.
pub fn response(message: &Value, id: &Value) -> Option<Reply> {
    if message.get("jsonrpc")? != "2.0" {
        return None;
    }
    if let Some(error) = message.get("error") {
        let code = error
            .get("code")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let text = error
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default();
        return Some(Reply::Error {
            code,
            message: text.to_owned(),
            data: error.get("data").cloned().unwrap_or_default(),
        });
    }
    if message.get("id")? != id {
        return None;
    }
    Some(Reply::Result(message.get("result")?.clone()))
}
