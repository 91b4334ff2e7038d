//! Request logging: each request has an id, which all of its log events and its response contain.
//! At level `debug`, each request of a client is logged in one line.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Instant, SystemTime},
};

use axum::{extract::Request, response::Response};
use futures_util::future::Either;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::task::futures::TaskLocalFuture;
use tracing::{Instrument as _, Span, instrument::Instrumented};

use super::{dev_channel::RequestEvent, random};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const GOOGLE_TRACE: HeaderName = HeaderName::from_static("x-cloud-trace-context");
const W3C_TRACE: HeaderName = HeaderName::from_static("traceparent");
/// The length of a trace id in W3C's `traceparent` (`00-TRACE-SPAN-01`) and in Google's header
/// (`TRACE/SPAN;o=1`).
const TRACE_ID_LEN: usize = 32;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// The request id and trace id that log lines contain.
#[derive(Clone, Debug)]
pub struct RequestContext {
    id: RequestId,
    trace: Option<Arc<str>>,
    /// Whether `mcpo dev` itself made the request.
    is_self_test: bool,
    /// The time of the line that is being written, if that is earlier than now.
    earlier: Option<SystemTime>,
}

impl RequestContext {
    /// Returns the context of the current request, unless a span already identifies the request.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Returns the id of the request.
    pub(crate) const fn id(&self) -> &RequestId {
        &self.id
    }

    /// Returns the platform's trace id, which connects all work for one outer request.
    pub(crate) fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    /// Returns true if `mcpo dev` itself made the request. Its log lines are held back.
    #[must_use]
    pub const fn is_self_test(&self) -> bool {
        self.is_self_test
    }

    /// Returns the time of the line that is being written, if that is earlier than now.
    pub(crate) const fn earlier(&self) -> Option<SystemTime> {
        self.earlier
    }

    /// Runs `work`, which writes lines about an `earlier` time of the request.
    pub fn run_at<T>(mut self, earlier: SystemTime, work: impl FnOnce() -> T) -> T {
        self.earlier = Some(earlier);
        CURRENT.sync_scope(self, work)
    }

    /// Runs `work` as part of the request with this context.
    pub fn scope<F: Future>(self, work: F) -> TaskLocalFuture<Self, F> {
        CURRENT.scope(self, work)
    }
}

/// The state of a request until it is answered.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "only mcpo-runtime uses it")]
pub struct RequestLog {
    began: Instant,
    context: RequestContext,
    step: &'static str,
    method: Method,
    span: Span,
    /// The report for `mcpo dev`.
    event: Option<Box<RequestEvent>>,
}

impl RequestLog {
    /// `step` names the OAuth or MCP step that the request belongs to.
    #[inline]
    pub fn new(request: &Request, step: &'static str) -> Self {
        let event = RequestEvent::of(request);
        let context = RequestContext {
            id: RequestId::next(),
            trace: trace_id(request.headers()).map(Arc::from),
            is_self_test: event.as_ref().is_some_and(|event| event.is_self_test()),
            earlier: None,
        };
        Self {
            began: Instant::now(),
            // Creating a span costs as much as opening a token. At levels with few log lines, a
            // context is used instead, which costs nothing until a line is written.
            span: tracing::debug_span!("request", id = %context.id, trace = context.trace()),
            context,
            step,
            method: request.method().clone(),
            event,
        }
    }

    /// Returns the context, if log lines are written without a span.
    #[must_use]
    #[inline]
    pub fn context(&self) -> Option<&RequestContext> {
        self.span.is_disabled().then_some(&self.context)
    }

    /// Runs work that may outlive the request. Uses only the context, because a span would be
    /// carried into tasks that the work starts.
    pub fn run_detached<F: Future>(
        &self,
        work: F,
    ) -> Either<TaskLocalFuture<RequestContext, F>, F> {
        match self.context() {
            Some(context) => Either::Left(context.clone().scope(work)),
            None => Either::Right(work),
        }
    }

    /// Runs synchronous `work` as part of the request.
    pub fn run_sync<T>(&self, work: impl FnOnce() -> T) -> T {
        match self.context() {
            Some(context) => CURRENT.sync_scope(context.clone(), work),
            None => self.span.in_scope(work),
        }
    }

    /// Runs `work` as part of the request, so that its log lines identify the request.
    ///
    /// As an `async fn`, this would hold `work` twice, and every call would move it again.
    pub fn run<F: Future>(
        &self,
        work: F,
    ) -> Either<TaskLocalFuture<RequestContext, F>, Instrumented<F>> {
        match self.context() {
            Some(context) => Either::Left(context.clone().scope(work)),
            None => Either::Right(work.instrument(self.span.clone())),
        }
    }

    /// Adds the request id to the response and logs the result.
    #[inline]
    pub fn end(mut self, mut response: Response) -> Response {
        if let Some(event) = self.event.take() {
            event.send(self.step, self.method.as_str(), self.began, &response);
        }
        // The line has the same level as the span: if the span is disabled, the line would be too.
        if !self.span.is_disabled() {
            self.span.in_scope(|| {
                let status = response.status().as_u16();
                let milliseconds = self.began.elapsed().as_millis();
                let Self { step, method, .. } = &self;
                tracing::debug!(step, %method, status, milliseconds, "answered");
            });
        }
        if let Some(value) = self.context.id.header() {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
}

/// A request id of eight characters, enough to distinguish the requests of a day. The id is never
/// taken from the caller, who could then choose what the log contains.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestId(u32);

impl RequestId {
    /// Returns the next id. Ids start at a random number and visit all numbers before one repeats.
    /// They are not secret, and a random number for each request would cost more than the rest of
    /// the logging.
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

fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let google = text(GOOGLE_TRACE).and_then(|value| value.split('/').next());
    let w3c = text(W3C_TRACE).and_then(|value| value.split('-').nth(1));
    google.or(w3c).filter(|trace| {
        trace.len() == TRACE_ID_LEN && trace.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_context_is_set_only_during_its_request() {
        let id = RequestId(7);
        let context = RequestContext {
            id,
            trace: None,
            is_self_test: false,
            earlier: None,
        };
        let seen = async { RequestContext::current().map(|context| context.id.to_string()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let seen = runtime.unwrap().block_on(context.scope(seen));
        assert_eq!(seen.as_deref(), Some("00000007"));
        assert!(RequestContext::current().is_none());
    }

    #[test]
    fn request_id_is_the_same_in_the_log_and_in_the_header() {
        let (one, two) = (RequestId::next(), RequestId::next());
        assert_ne!(one.0, two.0);
        for id in [one, two, RequestId(0), RequestId(0xDEAD_BEEF)] {
            let text = id.to_string();
            assert_eq!(id.header().unwrap(), text.as_str());
            assert_eq!(text.len(), 8);
        }
    }

    #[test]
    fn only_valid_trace_ids_are_read() {
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
