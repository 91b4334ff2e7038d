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

use std::time::Instant;

use crate::{
    net::{
        rate_limit::{Rate, RateLimit},
        throttle::Source,
    },
    store::GrantId,
};

/// A client registers once. Hosted clients register from few addresses for many users.
const REGISTRATIONS: Rate = Rate::new(60.0, 1.0);
const REFUSALS: Rate = Rate::new(300.0, 10.0);
const REFRESHES: Rate = Rate::new(30.0, 0.5);
/// All users in an office may sign in at the same time from one address.
const UPSTREAM_LOGINS: Rate = Rate::new(120.0, 0.2);
const DOCUMENTS: Rate = Rate::new(30.0, 0.5);

/// The rate limits of the endpoints that anyone may call.
pub(crate) struct RateLimits {
    pub(crate) registrations: RateLimit<Source>,
    pub(crate) refusals: RateLimit<Source>,
    refreshes: RateLimit<GrantId>,
    upstream_logins: RateLimit<Source>,
    documents: RateLimit<Source>,
}

impl RateLimits {
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
