//! Owns the state that all endpoints share. It is built once from the configuration and is
//! read-only after that.

use std::{
    borrow::Cow,
    path::Path,
    sync::{Arc, Weak},
};

use crate::{
    Error,
    base_url::{BaseUrl, BaseUrls},
    client::Clients,
    client_ip::TrustedProxies,
    clock::{Clock, Moment, SystemClock, Timestamp},
    config::{Config, GivenLedger, LedgerChoice},
    external::External,
    known_keys,
    ledger::{BucketLedger, Ledger, MemoryLedger},
    ledger_clock::{self, Correction},
    limits::Limits,
    live::GrantCache,
    login::{Epochs, Login},
    mcp::{self, SharedHandler, ToolScopes},
    pages::Pages,
    scope::{ScopePolicy, Scopes},
    seal::KeyRing,
    suspension::SuspensionDetector,
    throttle::Throttle,
    upstream::Keeper,
};

/// The state of the router.
pub(crate) struct App {
    pub(crate) bases: BaseUrls,
    pub(crate) keys: KeyRing,
    pub(crate) clients: Clients,
    pub(crate) login: Arc<dyn Login>,
    pub(crate) upstream: Keeper,
    /// The external authorization server, if tokens do not come from this server.
    pub(crate) external: Option<Arc<External>>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) grants: GrantCache,
    pub(crate) pages: Pages,
    pub(crate) limits: Limits,
    pub(crate) scopes: ScopePolicy,
    pub(crate) tool_scopes: ToolScopes,
    /// Whether requests without a token may list the tools.
    pub(crate) open_listing: bool,
    pub(crate) allowed_origins: Vec<String>,
    /// The proxies whose statement about the client's address is trusted.
    pub(crate) trusted_proxies: TrustedProxies,
    /// Counts the sign-in attempts on this server's own pages.
    pub(crate) sign_ins: Throttle,
    /// Grants from before this moment have ended.
    grants_not_before: Option<Timestamp>,
    /// The tool fingerprints that `mcpo dev` compares.
    pub(crate) tools: Vec<String>,
    /// Digests of the sign-in settings. A change of these settings ends earlier sign-ins.
    pub(crate) epochs: Epochs,
    pub(crate) suspension: Arc<SuspensionDetector>,
    pub(crate) correction: Correction,
    clock: Arc<dyn Clock>,
    itself: Weak<Self>,
}

impl App {
    /// Builds the state. `fallback` is the base URL if the configuration has none.
    pub(crate) async fn new(
        config: &Config,
        fallback: BaseUrl,
        handler: &SharedHandler,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Arc<Self>, Error> {
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock));
        let catalogue = mcp::catalogue(handler).await?;
        let title = config.title.clone().unwrap_or_else(|| handler.title());
        let clients = Clients::new(&config.clients, config.public_clients)?;
        let ledger = open_ledger(&config.ledger, Arc::clone(&clock))?;
        let pages = Pages::new(title, config.logo.clone()).map_err(Error::internal)?;
        let suspension = SuspensionDetector::start();
        let app = Arc::new_cyclic(|itself| Self {
            bases: BaseUrls::new(config.base_url.clone().unwrap_or(fallback), &config.hosts),
            keys: config.keys.clone(),
            clients,
            login: Arc::clone(&config.login),
            external: trusted(config, clock.as_ref()),
            upstream: Keeper::new(),
            ledger,
            grants: GrantCache::new(),
            pages,
            limits: Limits::new(),
            scopes: ScopePolicy::new(&catalogue.scopes, config.implied_scopes.clone()),
            tool_scopes: ToolScopes::new(handler.clone()),
            open_listing: config.open_listing,
            allowed_origins: config.allowed_origins.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            sign_ins: Throttle::new(),
            grants_not_before: config.grants_not_before,
            tools: catalogue.fingerprints,
            epochs: Epochs::new(config.login.as_ref(), &config.keys),
            suspension,
            correction: Correction::default(),
            clock,
            itself: Weak::clone(itself),
        });
        if app.external.is_none() && config.ledger != LedgerChoice::Memory {
            tokio::spawn(ledger_clock::watch(Arc::downgrade(&app)));
            let checked = Arc::clone(&app);
            tokio::spawn(async move { known_keys::check(&checked).await });
        }
        Ok(app)
    }

    /// Returns the scopes that clients must request to get `scopes`, from this server or from the
    /// external authorization server.
    pub(crate) fn asked_for<'a>(&self, scopes: &'a Scopes) -> Cow<'a, Scopes> {
        match &self.external {
            Some(external) => Cow::Owned(external.asked_for(scopes)),
            None => Cow::Borrowed(scopes),
        }
    }

    /// Returns true if everyone who can connect to the server can use its tools.
    pub(crate) fn is_open(&self) -> bool {
        self.external.is_none() && self.login.asks_nobody()
    }

    /// Returns a handle for work that outlives a request, or `None` while the server shuts down.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.itself.upgrade()
    }

    /// Returns true unless the configuration has ended all grants from that time. A grant without a
    /// time comes from an earlier version and counts as older than any limit.
    pub(crate) fn accepts_grants_of(&self, granted_at: Option<Timestamp>) -> bool {
        self.grants_not_before
            .is_none_or(|limit| granted_at.is_some_and(|granted_at| granted_at >= limit))
    }

    /// Returns the current time of both clocks, for computing ages.
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(self.clock.as_ref())
    }

    /// Returns the current time, corrected to the clock of the ledger.
    pub(crate) fn now(&self) -> Timestamp {
        self.correction.apply(self.clock.now())
    }
}

/// Returns the external authorization server, if one is configured. Its first contact runs in the
/// background.
fn trusted(config: &Config, clock: &dyn Clock) -> Option<Arc<External>> {
    let external = Arc::new(External::new(config.authorization_server.clone()?)?);
    let (greeted, now) = (Arc::clone(&external), clock.now());
    tokio::spawn(async move { greeted.greet(now).await });
    Some(external)
}

fn open_ledger(choice: &LedgerChoice, clock: Arc<dyn Clock>) -> Result<Arc<dyn Ledger>, Error> {
    match choice {
        LedgerChoice::Given(GivenLedger(ledger)) => Ok(Arc::clone(ledger)),
        LedgerChoice::Memory => Ok(Arc::new(MemoryLedger::with_clock(clock))),
        LedgerChoice::Sqlite(path) => open_sqlite(path, clock),
        LedgerChoice::Bucket(bucket, endpoints) => {
            let (bucket, endpoints) = (bucket.clone(), endpoints.clone());
            Ok(Arc::new(BucketLedger::new(bucket, endpoints, clock)))
        }
        #[cfg(feature = "redis")]
        LedgerChoice::Redis(address) => {
            let ledger = Arc::new(crate::ledger::RedisLedger::new(address.clone(), clock));
            let greeting = Arc::clone(&ledger);
            tokio::spawn(async move { greeting.greet().await });
            Ok(ledger)
        }
    }
}

#[cfg(feature = "sqlite")]
fn open_sqlite(path: &Path, clock: Arc<dyn Clock>) -> Result<Arc<dyn Ledger>, Error> {
    let ledger = crate::ledger::SqliteLedger::open_with_clock(path, clock);
    let ledger = ledger.map_err(|error| Error::ledger(path, error))?;
    Ok(Arc::new(ledger))
}

#[cfg(not(feature = "sqlite"))]
fn open_sqlite(_path: &Path, _clock: Arc<dyn Clock>) -> Result<Arc<dyn Ledger>, Error> {
    // The configuration accepts SQLite only if it is built in.
    Err(Error::internal("this build has no SQLite support"))
}
