//! Sends the first event of a stream together with the result of a short call.
//!
//! In the older form, the response to a call begins with an event that only sets the position for
//! resuming (SEP-1699). It is ready before the call has begun. If it were sent at once, each call
//! would need two packets, and the client would wake up twice.

use std::{mem, task::Poll};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures_util::{Stream, StreamExt as _, stream};
use http::header;

/// How often the other tasks of this thread may run before the first event is sent alone. A call
/// that waits for nothing ends within these turns.
const TURNS: u8 = 4;
const EVENT_STREAM: &[u8] = b"text/event-stream";

/// The first event of a stream.
enum First {
    Expected,
    Held(Bytes),
    Sent,
}

/// Returns `response` such that the first event of its stream waits for the second one while other
/// tasks run. This takes microseconds: a call that waits for something is not delayed.
pub(super) fn join_with_next(response: Response) -> Response {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if content_type.is_none_or(|value| value.as_bytes() != EVENT_STREAM) {
        return response;
    }
    response.map(|body| Body::from_stream(joined(body.into_data_stream())))
}

fn joined<E>(
    events: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> impl Stream<Item = Result<Bytes, E>> {
    let (mut events, mut first, mut turns) = (events.fuse(), First::Expected, TURNS);
    stream::poll_fn(move |context| {
        loop {
            let next = events.poll_next_unpin(context);
            match (next, mem::replace(&mut first, First::Sent)) {
                (Poll::Ready(Some(Ok(event))), First::Expected) => first = First::Held(event),
                (Poll::Ready(Some(Ok(event))), First::Held(held)) => {
                    return Poll::Ready(Some(Ok([held, event].concat().into())));
                }
                (Poll::Ready(None), First::Held(held)) => return Poll::Ready(Some(Ok(held))),
                (Poll::Pending, First::Held(held)) if turns == 0 => {
                    return Poll::Ready(Some(Ok(held)));
                }
                (Poll::Pending, First::Held(held)) => {
                    (first, turns) = (First::Held(held), turns - 1);
                    // Runs this task again after the others that can run.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                (other, unchanged) => {
                    first = unchanged;
                    return other;
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use tokio::{sync::mpsc, time::timeout};

    use super::*;

    type Event = Result<Bytes, Infallible>;

    const ONE: Event = Ok(Bytes::from_static(b"one "));
    const TWO: Event = Ok(Bytes::from_static(b"two"));
    const THREE: Event = Ok(Bytes::from_static(b"three"));

    /// Returns the chunks of a stream whose second event is sent by another task after `delay`.
    async fn chunks(delay: Option<Duration>) -> Vec<Bytes> {
        let (sender, mut receiver) = mpsc::channel(1);
        let later = stream::poll_fn(move |context| receiver.poll_recv(context));
        tokio::spawn(async move {
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            sender.send(TWO).await.unwrap();
            sender.send(THREE).await.unwrap();
        });
        let events = stream::iter([ONE]).chain(later);
        let all = joined(events.boxed()).map(Result::unwrap).collect();
        timeout(Duration::from_mins(1), all).await.unwrap()
    }

    #[tokio::test]
    async fn first_event_is_sent_with_the_result_of_a_short_call() {
        assert_eq!(chunks(None).await, ["one two", "three"]);
    }

    #[tokio::test(start_paused = true)]
    async fn first_event_does_not_wait_for_a_long_call() {
        let delay = Duration::from_secs(1);
        assert_eq!(chunks(Some(delay)).await, ["one ", "two", "three"]);
    }

    #[tokio::test]
    async fn stream_of_one_event_is_complete() {
        let one = joined(stream::iter([ONE])).map(Result::unwrap);
        assert_eq!(one.collect::<Vec<_>>().await, ["one "]);
        let none = joined(stream::iter([])).map(Event::unwrap);
        assert!(none.collect::<Vec<_>>().await.is_empty());
    }
}
