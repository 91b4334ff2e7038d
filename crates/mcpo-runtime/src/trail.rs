//! The trail: each request has an id, which every event about it carries and the answer names;
//! and at level `debug` each step of each client's way is one line.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tracing::{Instrument as _, Span};

use crate::{parent::Told, random, routes};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The formats of both headers begin with what is needed here: W3C's `traceparent`
/// (`00-TRACE-SPAN-01`) and Google's (`TRACE/SPAN;o=1`).
const TRACE_ID_LEN: usize = 32;

tokio::task_local! {
    static MARK: Mark;
}

/// What a line of the log says of the request it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    id: RequestId,
    trace: Option<Arc<str>>,
}

impl Mark {
    /// The mark of the request that is being worked for, unless a span tells as much.
    pub(crate) fn current() -> Option<Self> {
        MARK.try_with(Clone::clone).ok()
    }

    pub(crate) const fn id(&self) -> &RequestId {
        &self.id
    }

    /// The platform's name for everything that one outer request set in motion.
    pub(crate) fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    /// Runs `work` for the request with this mark.
    pub(crate) async fn over<F: Future>(self, work: F) -> F::Output {
        MARK.scope(self, work).await
    }
}

/// Names the request, and says what came of it.
pub(crate) async fn follow(request: Request, next: Next) -> Response {
    let trail = Trail::of(&request);
    let response = trail.around(next.run(request)).await;
    trail.end(response)
}

/// What is remembered of a request until it is answered.
#[derive(Clone)]
pub(crate) struct Trail {
    began: Instant,
    mark: Mark,
    step: &'static str,
    method: Method,
    span: Span,
    /// For `mcpo dev`.
    told: Option<Box<Told>>,
}

impl Trail {
    pub(crate) fn of(request: &Request) -> Self {
        let mark = Mark {
            id: RequestId::next(),
            trace: trace_id(request.headers()).map(Arc::from),
        };
        Self {
            began: Instant::now(),
            // A span costs as much as opening a token. At the level where few lines are written,
            // a mark does, which costs nothing until one is.
            span: tracing::debug_span!("request", id = %mark.id, trace = mark.trace()),
            mark,
            step: step(request.uri().path()),
            method: request.method().clone(),
            told: Told::of(request),
        }
    }

    /// Where lines about the request are written without a span: its mark.
    pub(crate) fn mark(&self) -> Option<&Mark> {
        self.span.is_disabled().then_some(&self.mark)
    }

    /// The same for work that outlives the request if it begins anything: a span would go along.
    pub(crate) async fn beside<F: Future>(&self, work: F) -> F::Output {
        match self.mark() {
            Some(mark) => mark.clone().over(work).await,
            None => work.await,
        }
    }

    /// Does `work` for the request, at once.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        match self.mark() {
            Some(mark) => MARK.sync_scope(mark.clone(), work),
            None => self.span.in_scope(work),
        }
    }

    /// Runs `work` for the request, so that what it writes to the log tells which one it was.
    pub(crate) async fn around<F: Future>(&self, work: F) -> F::Output {
        if self.span.is_disabled() {
            self.mark.clone().over(work).await
        } else {
            work.instrument(self.span.clone()).await
        }
    }

    /// Puts the id on the answer.
    pub(crate) fn end(mut self, mut response: Response) -> Response {
        if let Some(told) = self.told.take() {
            told.tell(self.step, self.method.as_str(), self.began, &response);
        }
        // The line has the span's level: where there is none, nobody reads it.
        if !self.span.is_disabled() {
            self.span.in_scope(|| {
                let status = response.status().as_u16();
                let milliseconds = self.began.elapsed().as_millis();
                let Self { step, method, .. } = &self;
                tracing::debug!(step, %method, status, milliseconds, "answered");
            });
        }
        if let Some(value) = self.mark.id.header() {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
}

/// Eight characters tell the requests of a day apart. Never the caller's: it would choose what
/// stands in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestId(u32);

impl RequestId {
    /// From a random beginning in steps that meet every number before they meet one again: it is
    /// no secret, and asking the system for each would cost more than the rest of the trail.
    fn next() -> Self {
        const STEP: u32 = 0x9E37_79B9;
        static LATEST: LazyLock<AtomicU32> = LazyLock::new(|| {
            let bytes = random::bytes().unwrap_or_default();
            AtomicU32::new(u32::from_be_bytes(bytes))
        });
        Self(LATEST.fetch_add(STEP, Ordering::Relaxed))
    }

    fn header(self) -> Option<HeaderValue> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let nibble = |shift: usize| DIGITS[(self.0 >> shift) as usize & 0xF];
        let text = [28, 24, 20, 16, 12, 8, 4, 0].map(nibble);
        HeaderValue::from_bytes(&text).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

/// Where on its way a client is that asks for `path`.
fn step(path: &str) -> &'static str {
    match path {
        routes::RESOURCE_METADATA | routes::RESOURCE_METADATA_ROOT => "resource metadata",
        routes::SERVER_METADATA | routes::OPENID_CONFIGURATION => "server metadata",
        routes::REGISTER => "registration",
        routes::AUTHORIZE => "authorization",
        routes::SIGN_IN => "sign-in",
        routes::CONSENT => "consent",
        routes::TOKEN => "token",
        routes::REVOKE => "revocation",
        routes::INTROSPECT => "introspection",
        routes::MCP => "mcp",
        _ => "other",
    }
}

fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let google = text("x-cloud-trace-context").and_then(|value| value.split('/').next());
    let w3c = text("traceparent").and_then(|value| value.split('-').nth(1));
    google.or(w3c).filter(|trace| {
        trace.len() == TRACE_ID_LEN && trace.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_there_as_long_as_the_work_for_its_request() {
        let id = RequestId(7);
        let mark = Mark { id, trace: None };
        let seen = async { Mark::current().map(|mark| mark.id.to_string()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let seen = runtime.unwrap().block_on(mark.over(seen));
        assert_eq!(seen.as_deref(), Some("00000007"));
        assert!(Mark::current().is_none());
    }

    #[test]
    fn an_id_is_the_same_in_the_log_and_on_the_answer() {
        let (one, two) = (RequestId::next(), RequestId::next());
        assert_ne!(one.0, two.0);
        for id in [one, two, RequestId(0), RequestId(0xDEAD_BEEF)] {
            let text = id.to_string();
            assert_eq!(id.header().unwrap(), text.as_str());
            assert_eq!(text.len(), 8);
        }
    }

    #[test]
    fn trace_ids_are_read_and_nothing_else() {
        let trace = "105445aa7843bc8bf206b12000100000";
        for (name, value, expected) in [
            (
                "x-cloud-trace-context",
                format!("{trace}/1;o=1"),
                Some(trace),
            ),
            ("x-cloud-trace-context", trace.to_owned(), Some(trace)),
            (
                "traceparent",
                format!("00-{trace}-0000000000000001-01"),
                Some(trace),
            ),
            ("traceparent", "nonsense".to_owned(), None),
            ("x-cloud-trace-context", "x".repeat(32), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(trace_id(&headers), expected, "{value}");
        }
    }
}
