//! Owns the state that all endpoints share. It is built once from the configuration by the
//! server's assembly and is read-only after that.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use crate::{
    base::{
        clock::{Moment, ServerClock, Timestamp},
        seal::KeyRing,
        suspension::SuspensionDetector,
    },
    login::{CredentialVersions, Login},
    net::{client_ip::TrustedProxies, throttle::Throttle},
    oauth::{
        authorization_server::ExternalServer,
        base_urls::BaseUrls,
        client::Clients,
        rate_limits::RateLimits,
        scope::{ScopePolicy, Scopes},
    },
    pages::{Pages, ToolDirectory},
    store::{GrantStore, grant_cache::GrantCache},
    upstream::TokenCache,
};

/// The state of the router.
#[expect(missing_debug_implementations, reason = "only mcpo-runtime uses it")]
pub struct App {
    /// The public names of the server.
    pub bases: BaseUrls,
    /// Seals what clients carry.
    pub keys: KeyRing,
    pub(crate) clients: Clients,
    /// How users sign in.
    pub login: Arc<dyn Login>,
    pub(crate) upstream: Arc<TokenCache>,
    /// The external authorization server, if tokens do not come from this server.
    pub external: Option<Arc<ExternalServer>>,
    pub(crate) store: Arc<dyn GrantStore>,
    /// Which grants have ended.
    pub grants: Arc<GrantCache>,
    pub(crate) pages: Pages,
    /// The tools as pages show them.
    pub(crate) tools: Arc<dyn ToolDirectory>,
    pub(crate) limits: RateLimits,
    /// The scopes that the server knows.
    pub scopes: ScopePolicy,
    /// What the consent page says about scopes.
    pub(crate) scope_descriptions: BTreeMap<String, String>,
    /// The token for the domain verification of ChatGPT.
    pub(crate) openai_challenge: Option<String>,
    /// Whether requests without a token may list the tools.
    pub open_listing: bool,
    pub(crate) allowed_origins: Vec<String>,
    /// The proxies whose statement about the client's address is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Counts the sign-in attempts on this server's own pages.
    pub(crate) sign_ins: Throttle,
    /// Grants from before this moment have ended.
    pub(crate) grants_not_before: Option<Timestamp>,
    /// Digests of the sign-in settings. A change of these settings ends earlier sign-ins.
    pub(crate) credential_versions: CredentialVersions,
    pub(crate) suspension: Arc<SuspensionDetector>,
    pub(crate) clock: ServerClock,
}

impl App {
    /// Returns the scopes that clients must request to get `scopes`, from this server or from the
    /// external authorization server.
    pub(crate) fn asked_for<'a>(&self, scopes: &'a Scopes) -> Cow<'a, Scopes> {
        match &self.external {
            Some(external) => Cow::Owned(external.asked_for(scopes)),
            None => Cow::Borrowed(scopes),
        }
    }

    /// Returns true if everyone who can connect to the server can use its tools.
    pub fn is_open(&self) -> bool {
        self.external.is_none() && self.login.is_anonymous()
    }

    /// Returns true if everyone who can connect to the server may list its tools.
    pub(crate) fn lists_openly(&self) -> bool {
        self.open_listing || self.is_open()
    }

    /// Returns true unless the configuration has ended all grants from that time. A grant without a
    /// time comes from an earlier version and counts as older than any limit.
    pub(crate) fn accepts_grants_of(&self, granted_at: Option<Timestamp>) -> bool {
        self.grants_not_before
            .is_none_or(|limit| granted_at.is_some_and(|granted_at| granted_at >= limit))
    }

    /// Returns the current time of both clocks, for computing ages.
    pub(crate) fn moment(&self) -> Moment {
        self.clock.moment()
    }

    /// Returns the current time, corrected to the clock of the ledger.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
