//! How often a source may register and ask for tokens: far above what clients need, far below what
//! would wear the server out.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use quick_cache::unsync::Cache;

use crate::{
    app::App,
    oauth_error::{ErrorCode, OAuthError},
    source,
    throttle::Source,
};

/// How many sources are remembered; the least used one is forgotten.
const SOURCES: usize = 10_000;
/// A client that opens a connection registers once. Hosted clients register from few addresses
/// for many people.
const REGISTRATIONS: Rate = Rate {
    burst: 60.0,
    per_second: 1.0,
};
const TOKEN_REQUESTS: Rate = Rate {
    burst: 300.0,
    per_second: 10.0,
};

/// An office full of people may sign in at once, from one address; after that 720 an hour.
const DEPARTURES: Rate = Rate {
    burst: 120.0,
    per_second: 0.2,
};

/// A bucket's size, and how fast it fills.
#[derive(Clone, Copy)]
struct Rate {
    burst: f64,
    per_second: f64,
}

/// A bucket for each source.
pub(crate) struct RateLimit {
    rate: Rate,
    buckets: Mutex<Cache<Source, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    filled_at: Instant,
}

/// The limits of the endpoints that anyone may call.
pub(crate) struct Limits {
    registrations: RateLimit,
    token_requests: RateLimit,
    departures: RateLimit,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            registrations: RateLimit::new(REGISTRATIONS),
            token_requests: RateLimit::new(TOKEN_REQUESTS),
            departures: RateLimit::new(DEPARTURES),
        }
    }

    /// Whether `source` may send another browser to the provider where people sign in: each takes a
    /// place in the ledger.
    pub(crate) fn allows_departure(&self, source: Source) -> bool {
        self.departures.allow(source, Instant::now())
    }
}

impl RateLimit {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Mutex::new(Cache::new(SOURCES)),
        }
    }

    /// Takes one from the bucket of `source`, if there is one left.
    fn allow(&self, source: Source, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = Bucket {
            level: self.rate.burst,
            filled_at: now,
        };
        let bucket = buckets.get(&source).copied().unwrap_or(full);
        let elapsed = now.duration_since(bucket.filled_at).as_secs_f64();
        let level = (bucket.level + elapsed * self.rate.per_second).min(self.rate.burst);
        let allowed = level >= 1.0;
        let left = if allowed { level - 1.0 } else { level };
        let bucket = Bucket {
            level: left,
            filled_at: now,
        };
        buckets.insert(source, bucket);
        allowed
    }
}

pub(crate) async fn registrations(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let allowed = app
        .limits
        .registrations
        .allow(sender(&request, &app), Instant::now());
    answer(allowed, request, next).await
}

pub(crate) async fn token_requests(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let allowed = app
        .limits
        .token_requests
        .allow(sender(&request, &app), Instant::now());
    answer(allowed, request, next).await
}

fn sender(request: &Request, app: &App) -> Source {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    source::of(peer.map(|ConnectInfo(peer)| *peer), request.headers(), app)
}

async fn answer(allowed: bool, request: Request, next: Next) -> Response {
    if allowed {
        return next.run(request).await;
    }
    tracing::warn!(
        path = request.uri().path(),
        "too many requests from one source"
    );
    let error = OAuthError::new(
        ErrorCode::TemporarilyUnavailable,
        "too many requests, try again in a moment",
    );
    let mut response = error.into_response();
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let wait = HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, wait);
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn as13_a_bucket_empties_and_fills() {
        let limit = RateLimit::new(Rate {
            burst: 3.0,
            per_second: 1.0,
        });
        let source = |text: &str| Source::of(text.parse().unwrap());
        let (one, two) = (source("192.0.2.1"), source("192.0.2.2"));
        let now = Instant::now();
        for _ in 0..3 {
            assert!(limit.allow(one, now));
        }
        assert!(!limit.allow(one, now));
        assert!(limit.allow(two, now));
        let later = now + Duration::from_secs(1);
        assert!(limit.allow(one, later));
        assert!(!limit.allow(one, later));
    }
}
