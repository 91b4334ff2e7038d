//! Answers a call with a challenge if the provider turns out to have ended the user's sign-in.
//! Clients respond to a challenge by starting a new sign-in by themselves, but do nothing about a
//! tool's error.
//!
//! A challenge is only possible before the response has begun. So the response to a user with a
//! sign-in at a provider waits for its first event, up to a time limit. A call that takes longer
//! streams as usual, and the next call gets the challenge.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

/// How long a response is held back.
const FIRST_EVENT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a response is held back, in bytes.
const MAX_HELD_LEN: usize = 64 * 1024;

/// Returns the response after its first event has arrived.
pub(super) async fn wait_for_first_event(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let mut frames = body.into_data_stream();
    let mut held = Vec::new();
    let deadline = Instant::now() + FIRST_EVENT_TIMEOUT;
    while let Ok(Some(frame)) = tokio::time::timeout_at(deadline, frames.next()).await {
        let is_event = frame.as_ref().map_or(true, has_event);
        held.push(frame);
        let len: usize = held.iter().flatten().map(Bytes::len).sum();
        if is_event || len > MAX_HELD_LEN {
            break;
        }
    }
    let body = Body::from_stream(stream::iter(held).chain(frames));
    Response::from_parts(parts, body)
}

/// Returns true if the frame contains more than comments and resume positions.
fn has_event(frame: &Bytes) -> bool {
    frame
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"{") || (line.starts_with(b"data:") && line.contains(&b'{')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_with_data_counts_as_an_event() {
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
