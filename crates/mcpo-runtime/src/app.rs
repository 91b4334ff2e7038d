//! What all endpoints share: built once from the configuration, read-only from then on.

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
    /// The authorization server, where that is not this server itself.
    pub(crate) external: Option<Arc<External>>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) grants: GrantCache,
    pub(crate) pages: Pages,
    pub(crate) limits: Limits,
    pub(crate) scopes: ScopePolicy,
    pub(crate) tool_scopes: ToolScopes,
    /// Whether a stranger may see which tools there are.
    pub(crate) open_listing: bool,
    pub(crate) allowed_origins: Vec<String>,
    /// The proxies that say which client a request comes from.
    pub(crate) trusted_proxies: TrustedProxies,
    /// Attempts to sign in on this server's own pages.
    pub(crate) sign_ins: Throttle,
    /// Grants from before this moment have ended.
    grants_not_before: Option<Timestamp>,
    /// What `mcpo dev` is told of the tools.
    pub(crate) tools: Vec<String>,
    /// What sign-ins that count rest on.
    pub(crate) epochs: Epochs,
    pub(crate) suspension: Arc<SuspensionDetector>,
    pub(crate) correction: Correction,
    clock: Arc<dyn Clock>,
    itself: Weak<Self>,
}

impl App {
    /// `fallback` is the base URL where the configuration names none.
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

    /// What clients have to ask for to get `scopes`, wherever they get their tokens.
    pub(crate) fn asked_for<'a>(&self, scopes: &'a Scopes) -> Cow<'a, Scopes> {
        match &self.external {
            Some(external) => Cow::Owned(external.asked_for(scopes)),
            None => Cow::Borrowed(scopes),
        }
    }

    /// Whether anyone who reaches the server can use its tools.
    pub(crate) fn is_open(&self) -> bool {
        self.external.is_none() && self.login.asks_nobody()
    }

    /// Itself, for work that outlives a request; `None` while the server is being taken down.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.itself.upgrade()
    }

    /// Returns true unless all grants of that time were ended by the configuration. A grant
    /// without a time is from an earlier version, and older than any moment.
    pub(crate) fn accepts_grants_of(&self, granted_at: Option<Timestamp>) -> bool {
        self.grants_not_before
            .is_none_or(|limit| granted_at.is_some_and(|granted_at| granted_at >= limit))
    }

    /// The current moment by both clocks, for ages.
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(self.clock.as_ref())
    }

    /// The current time, as the ledger has it.
    pub(crate) fn now(&self) -> Timestamp {
        self.correction.apply(self.clock.now())
    }
}

/// The authorization server elsewhere, if there is one; it is looked at without waiting for it.
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
    // The configuration offers SQLite only where it is built in.
    Err(Error::internal("this build has no SQLite"))
}
