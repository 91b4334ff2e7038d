//! Reads request bodies with limits on size and time, and copies the data as it arrives.
//!
//! hyper returns each read from the socket in a separate buffer of several kilobytes, even if it
//! contains a single byte. A reader that keeps these buffers until the body ends lets a client turn
//! each byte sent into 4 KiB of memory. So every endpoint reads its body here, into one buffer.

use std::{fmt, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes, HttpBody as _},
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt as _, StreamExt as _};
use http::{StatusCode, header};
use tokio::time::{Instant, timeout_at};

/// The time limit for the whole body of a request to an OAuth endpoint.
pub(crate) const FORM_TIMEOUT: Duration = Duration::from_secs(15);
/// The time limit for a whole MCP message: 4 MiB take half a minute at 1 Mbit/s.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The body is longer than this many bytes.
    TooLong(usize),
    /// The body was not complete within this time.
    TooSlow(Duration),
    /// The client ended the body early.
    Incomplete,
}

/// Reads `body` to its end: at most `max_len` bytes within `time_limit`.
#[inline]
pub async fn read(body: Body, max_len: usize, time_limit: Duration) -> Result<Bytes, BodyError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > max_len as u64 {
        return Err(BodyError::TooLong(max_len));
    }
    let deadline = Instant::now() + time_limit;
    let mut frames = body.into_data_stream();
    let mut collected = Vec::new();
    loop {
        // Most bodies have arrived with the headers, and need no timer.
        let frame = match frames.next().now_or_never() {
            Some(frame) => frame,
            None => timeout_at(deadline, frames.next())
                .await
                .map_err(|_| BodyError::TooSlow(time_limit))?,
        };
        let Some(frame) = frame else {
            return Ok(collected.into());
        };
        let frame = frame.map_err(|_| BodyError::Incomplete)?;
        if collected.len() + frame.len() > max_len {
            return Err(BodyError::TooLong(max_len));
        }
        collected.extend_from_slice(&frame);
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(max_len) => {
                write!(formatter, "the request body is longer than {max_len} bytes")
            }
            Self::TooSlow(limit) => write!(
                formatter,
                "the request body was not complete within {} seconds",
                limit.as_secs()
            ),
            Self::Incomplete => formatter.write_str("the request body ended early"),
        }
    }
}

impl IntoResponse for BodyError {
    /// Also closes the connection, because the rest of the body is not read.
    fn into_response(self) -> Response {
        let status = match self {
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Incomplete => StatusCode::BAD_REQUEST,
        };
        let body = serde_json::json!({
            "error": "invalid_request",
            "error_description": self.to_string(),
        });
        (status, [(header::CONNECTION, "close")], Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    fn in_bytes(text: &'static [u8]) -> Body {
        let bytes = text.iter().map(|byte| Ok::<_, Infallible>(vec![*byte]));
        Body::from_stream(stream::iter(bytes))
    }

    #[tokio::test(start_paused = true)]
    async fn body_is_read_completely_or_rejected_with_a_reason() {
        let limit = Duration::from_secs(1);
        let whole = read(in_bytes(b"abcd"), 4, limit).await;
        assert_eq!(whole.as_deref(), Ok(&b"abcd"[..]));
        assert_eq!(read(Body::empty(), 0, limit).await, Ok(Bytes::new()));
        let long = read(in_bytes(b"abcde"), 4, limit).await;
        assert_eq!(long, Err(BodyError::TooLong(4)));
        let announced = read(Body::from("abcde"), 4, limit).await;
        assert_eq!(announced, Err(BodyError::TooLong(4)));
        let broken = stream::iter([Ok("a"), Err("gone")]);
        let broken = read(Body::from_stream(broken), 4, limit).await;
        assert_eq!(broken, Err(BodyError::Incomplete));
    }

    /// A limit on pauses alone would let this body continue for hours.
    #[tokio::test(start_paused = true)]
    async fn slow_body_has_one_deadline_for_the_whole_body() {
        let trickle = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(9)).await;
            Some((Ok::<_, Infallible>("a"), ()))
        });
        let begun = Instant::now();
        let outcome = read(Body::from_stream(trickle), 1024, FORM_TIMEOUT).await;
        assert_eq!(outcome, Err(BodyError::TooSlow(FORM_TIMEOUT)));
        assert_eq!(begun.elapsed(), FORM_TIMEOUT);
    }
}
