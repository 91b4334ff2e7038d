//! A call during which it turns out that the provider has ended the person's sign-in is answered
//! with a challenge, on which clients have the person sign in again by themselves; not with a tool's
//! error, on which they do nothing.
//!
//! That can be told until the answer has begun. So the answer to somebody with a sign-in at a provider
//! waits for its first event, but not for ever: a call that takes long streams as ever, and the next
//! one meets the challenge.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

/// How long an answer is held back.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest beginning that is held back, in bytes.
const MAX_HELD: usize = 64 * 1024;

/// The answer, once its first event is there.
pub(super) async fn once_begun(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let mut frames = body.into_data_stream();
    let mut held = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while let Ok(Some(frame)) = tokio::time::timeout_at(deadline, frames.next()).await {
        let is_event = frame.as_ref().map_or(true, has_event);
        held.push(frame);
        let len: usize = held.iter().flatten().map(Bytes::len).sum();
        if is_event || len > MAX_HELD {
            break;
        }
    }
    let body = Body::from_stream(stream::iter(held).chain(frames));
    Response::from_parts(parts, body)
}

/// Whether there is more than comments and what tells a client where to resume.
fn has_event(frame: &Bytes) -> bool {
    frame
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"{") || (line.starts_with(b"data:") && line.contains(&b'{')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_is() {
        for event in [
            "{\"jsonrpc\"",
            "event: message\ndata: {\"a\":1}\n\n",
            "data:{}\n",
        ] {
            assert!(has_event(&Bytes::from(event)), "{event}");
        }
        for none in [":\n\n", "id: 0\nretry: 3000\ndata: \n\n", "data:\n\n", ""] {
            assert!(!has_event(&Bytes::from(none)), "{none}");
        }
    }
}
