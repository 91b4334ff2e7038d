//! A body that stops coming must not hold a place for ever.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    Error,
    body::{Body, Bytes, HttpBody},
};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::routes;

/// `body`, which breaks off when nothing has come for [`routes::BODY_TIMEOUT`].
pub(super) fn impatient(body: Body) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(Impatient { body, sleep: None })
}

/// tower-http has the same, but starts a timer for each frame; nearly every message is there as a
/// whole before anybody asks for it, and then needs none.
struct Impatient {
    body: Body,
    sleep: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("nothing came for {} seconds", routes::BODY_TIMEOUT.as_secs())]
struct NothingCame;

impl HttpBody for Impatient {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.sleep = None;
            return Poll::Ready(frame);
        }
        let timer = || Box::pin(sleep(routes::BODY_TIMEOUT));
        ready!(self.sleep.get_or_insert_with(timer).as_mut().poll(context));
        Poll::Ready(Some(Err(Error::new(NothingCame))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
