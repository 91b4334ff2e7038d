//! Sends the first event of a stream together with the result of a short call.
//!
//! In the older form, the response to a call begins with an event that only sets the position for
//! resuming (SEP-1699). It is ready before the call has begun. If it were sent at once, each call
//! would need two packets, and the client would wake up twice.

use std::{future::poll_fn, task::Poll};

use axum::{body::Body, response::Response};
use futures_util::{Stream, StreamExt as _, stream};
use http::header;

/// How often the other tasks of this thread may run before the response is sent without the result.
/// A call that waits for nothing ends within these turns.
const TURNS: u8 = 4;
/// The first event and the result.
const EVENTS: usize = 2;
const EVENT_STREAM: &[u8] = b"text/event-stream";

/// Returns true if the body is a stream of events.
pub(super) fn is_stream(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes() == EVENT_STREAM)
}

/// Returns `response` after the first event of its stream, and after the second one if that is ready
/// as soon as the other tasks have run. This takes microseconds: the response to a call that waits
/// for something is not delayed.
pub(super) async fn join_with_result(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let mut events = body.into_data_stream().fuse();
    let first = first_events(&mut events).await;
    let body = Body::from_stream(stream::iter(first).chain(events));
    Response::from_parts(parts, body)
}

async fn first_events<T>(events: &mut (impl Stream<Item = T> + Unpin)) -> Vec<T> {
    let (mut first, mut turns) = (Vec::new(), TURNS);
    poll_fn(|context| {
        while first.len() < EVENTS {
            match events.poll_next_unpin(context) {
                Poll::Ready(Some(event)) => first.push(event),
                Poll::Ready(None) => break,
                Poll::Pending if turns == 0 => break,
                Poll::Pending => {
                    turns -= 1;
                    // Runs this task again after the others that can run.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    })
    .await;
    first
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;

    /// Returns the first events of a stream whose second event is sent by another task after
    /// `delay`.
    async fn first(delay: Option<Duration>) -> Vec<&'static str> {
        let (sender, mut receiver) = mpsc::channel(1);
        let later = stream::poll_fn(move |context| receiver.poll_recv(context));
        tokio::spawn(async move {
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            sender.send("two").await.unwrap();
            sender.send("three").await.unwrap();
        });
        first_events(&mut stream::iter(["one"]).chain(later).boxed()).await
    }

    #[tokio::test]
    async fn first_event_waits_for_the_result_of_a_short_call() {
        assert_eq!(first(None).await, ["one", "two"]);
    }

    #[tokio::test(start_paused = true)]
    async fn first_event_does_not_wait_for_a_long_call() {
        let began = tokio::time::Instant::now();
        assert_eq!(first(Some(Duration::from_secs(1))).await, ["one"]);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn stream_that_ends_is_complete() {
        assert_eq!(first_events(&mut stream::iter(["one"])).await, ["one"]);
        assert!(first_events(&mut stream::iter([(); 0])).await.is_empty());
    }
}
