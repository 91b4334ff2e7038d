//! Rate limits for the endpoints that anyone may call: far above what clients need, and low enough
//! to protect the server.
//!
//! | limit | burst | then |
//! | --- | --- | --- |
//! | registrations of a source | 60 | 1 a second |
//! | refused token, revocation and introspection requests of a source | 300 | 10 a second |
//! | refreshes of one grant | 30 | 1 every 2 seconds |
//! | redirects of a source to a sign-in provider | 120 | 720 an hour |
//! | client metadata documents fetched for a source | 30 | 1 every 2 seconds |
//!
//! Only refused token requests count. A client with a valid token is served even if others behind
//! the same address send invalid requests.

use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use quick_cache::unsync::Cache;

use crate::{
    app::App,
    client_ip::ClientIp,
    ledger::GrantId,
    oauth_error::{ErrorCode, OAuthError},
    throttle::Source,
};

/// How many sources or grants are tracked. The least used one is dropped.
const REMEMBERED: usize = 10_000;
/// A client registers once. Hosted clients register from few addresses for many users.
const REGISTRATIONS: Rate = Rate::new(60.0, 1.0);
const REFUSALS: Rate = Rate::new(300.0, 10.0);
const REFRESHES: Rate = Rate::new(30.0, 0.5);
/// All users in an office may sign in at the same time from one address.
const UPSTREAM_LOGINS: Rate = Rate::new(120.0, 0.2);
const DOCUMENTS: Rate = Rate::new(30.0, 0.5);

/// The size of a bucket and its refill rate.
#[derive(Clone, Copy)]
struct Rate {
    burst: f64,
    per_second: f64,
}

impl Rate {
    const fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second }
    }
}

/// A token bucket for each key.
struct RateLimit<K> {
    rate: Rate,
    buckets: Mutex<Cache<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    filled_at: Instant,
}

/// The rate limits of the endpoints that anyone may call.
pub(crate) struct Limits {
    registrations: RateLimit<Source>,
    refusals: RateLimit<Source>,
    refreshes: RateLimit<GrantId>,
    upstream_logins: RateLimit<Source>,
    documents: RateLimit<Source>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            registrations: RateLimit::new(REGISTRATIONS),
            refusals: RateLimit::new(REFUSALS),
            refreshes: RateLimit::new(REFRESHES),
            upstream_logins: RateLimit::new(UPSTREAM_LOGINS),
            documents: RateLimit::new(DOCUMENTS),
        }
    }

    /// Returns true if `source` may be redirected to the sign-in provider again. Each redirect
    /// takes a record in the ledger.
    pub(crate) fn allows_upstream_login(&self, source: Source) -> bool {
        self.upstream_logins.allow(source, Instant::now())
    }

    /// Returns true if another client metadata document may be fetched for `source`.
    pub(crate) fn allows_document(&self, source: Source) -> bool {
        self.documents.allow(source, Instant::now())
    }

    /// Returns true if the grant may be refreshed again: each refresh reads the ledger.
    pub(crate) fn allows_refresh(&self, grant: GrantId) -> bool {
        self.refreshes.allow(grant, Instant::now())
    }
}

impl<K: Copy + Eq + Hash> RateLimit<K> {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Mutex::new(Cache::new(REMEMBERED)),
        }
    }

    /// Takes one token from the bucket of `key`. Returns false if the bucket is empty.
    fn allow(&self, key: K, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = Bucket {
            level: self.rate.burst,
            filled_at: now,
        };
        let bucket = buckets.get(&key).copied().unwrap_or(full);
        let elapsed = now.saturating_duration_since(bucket.filled_at);
        let level = bucket.level + elapsed.as_secs_f64() * self.rate.per_second;
        let level = level.min(self.rate.burst);
        let allowed = level >= 1.0;
        let bucket = Bucket {
            level: if allowed { level - 1.0 } else { level },
            filled_at: now,
        };
        buckets.insert(key, bucket);
        allowed
    }
}

/// Limits registrations.
pub(crate) async fn registrations(
    State(app): State<Arc<App>>,
    client: ClientIp,
    request: Request,
    next: Next,
) -> Response {
    if app
        .limits
        .registrations
        .allow(client.source(), Instant::now())
    {
        return next.run(request).await;
    }
    too_many(client, request.uri().path(), "too many registrations")
}

/// Limits refused requests. Above the limit, the response no longer contains the reason of the
/// refusal.
pub(crate) async fn refusals(
    State(app): State<Arc<App>>,
    client: ClientIp,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    if !response.status().is_client_error()
        || app.limits.refusals.allow(client.source(), Instant::now())
    {
        return response;
    }
    too_many(client, &path, "too many refused requests")
}

fn too_many(client: ClientIp, path: &str, what: &'static str) -> Response {
    tracing::warn!(%client, path, what, "rate limit reached");
    let description = format!("{what} from your address, try again in a moment");
    let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, description);
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
        let limit = RateLimit::new(Rate::new(3.0, 1.0));
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
