//! The trail: each request has an id, which every event about it carries and the answer names;
//! and at level `debug` each step of each client's way is one line.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Instrument as _;

use crate::{random, routes};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The formats of both headers begin with what is needed here: W3C's `traceparent`
/// (`00-TRACE-SPAN-01`) and Google's (`TRACE/SPAN;o=1`).
const TRACE_ID_LEN: usize = 32;

/// Names the request, and says what came of it.
pub(crate) async fn follow(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id();
    let step = step(request.uri().path());
    let method = request.method().clone();
    let span = match trace_id(request.headers()) {
        Some(trace) => tracing::info_span!("request", %id, trace),
        None => tracing::info_span!("request", %id),
    };
    let mut response = next.run(request).instrument(span.clone()).await;
    let _entered = span.enter();
    let status = response.status().as_u16();
    let milliseconds = began.elapsed().as_millis();
    tracing::debug!(step, %method, status, milliseconds, "answered");
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Eight characters tell the requests of a day apart. Never the caller's: it would choose what
/// stands in the log.
fn request_id() -> String {
    let bytes = random::bytes::<4>().unwrap_or_default();
    format!("{:08x}", u32::from_be_bytes(bytes))
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
