//! The trail: each request has an id, which every event about it carries and the answer names;
//! and at level `debug` each step of each client's way is one line.

use std::{
    fmt,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tracing::{Instrument as _, Span};

use crate::{random, routes};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The formats of both headers begin with what is needed here: W3C's `traceparent`
/// (`00-TRACE-SPAN-01`) and Google's (`TRACE/SPAN;o=1`).
const TRACE_ID_LEN: usize = 32;

/// Names the request, and says what came of it.
pub(crate) async fn follow(request: Request, next: Next) -> Response {
    Trail::of(&request).follow(next.run(request)).await
}

/// What is remembered of a request until it is answered.
pub(crate) struct Trail {
    began: Instant,
    id: RequestId,
    step: &'static str,
    method: Method,
    span: Span,
}

impl Trail {
    pub(crate) fn of(request: &Request) -> Self {
        let id = RequestId::next();
        let span = match trace_id(request.headers()) {
            Some(trace) => tracing::info_span!("request", %id, trace),
            None => tracing::info_span!("request", %id),
        };
        Self {
            began: Instant::now(),
            id,
            step: step(request.uri().path()),
            method: request.method().clone(),
            span,
        }
    }

    /// Waits for the answer, and puts the id on it.
    pub(crate) async fn follow(self, answer: impl Future<Output = Response>) -> Response {
        let mut response = answer.instrument(self.span.clone()).await;
        self.span.in_scope(|| {
            let status = response.status().as_u16();
            let milliseconds = self.began.elapsed().as_millis();
            let Self { step, method, .. } = &self;
            tracing::debug!(step, %method, status, milliseconds, "answered");
        });
        if let Some(value) = self.id.header() {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
}

/// Eight characters tell the requests of a day apart. Never the caller's: it would choose what
/// stands in the log.
#[derive(Clone, Copy)]
struct RequestId(u32);

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
