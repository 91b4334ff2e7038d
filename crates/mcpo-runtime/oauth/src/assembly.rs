//! Builds the state of the endpoints from the configuration.

use std::{net::IpAddr, path::Path, sync::Arc};

use crate::{
    base::{
        clock::{Clock, ServerClock},
        error::Error,
        suspension::SuspensionDetector,
        task,
    },
    config::{Config, GivenStore, StoreChoice},
    login::CredentialVersions,
    net::throttle::Throttle,
    oauth::{
        authorization_server::ExternalServer,
        base_url::BaseUrl,
        base_urls::BaseUrls,
        client::Clients,
        rate_limits::RateLimits,
        scope::{ScopePolicy, Scopes},
    },
    pages::{Pages, ServerCard, ToolDirectory},
    state::App,
    store::{
        GcsStore, GrantStore, MemoryStore, RecordPrefix, clock_sync, grant_cache::GrantCache,
        known_keys,
    },
    upstream::TokenCache,
};

/// What the handler of the tools says about the server.
#[expect(missing_debug_implementations, reason = "only mcpo-runtime uses it")]
pub struct HandlerDescription<'a> {
    /// The server as pages show it.
    pub card: ServerCard,
    /// The scopes that tools require.
    pub tool_scopes: &'a Scopes,
    /// Creates the list of the tools for pages.
    pub tools: &'a dyn Fn(Arc<TokenCache>) -> Arc<dyn ToolDirectory>,
}

/// Returns the base URL, after checking the settings that depend on it. `port` is part of the base
/// URL if the configuration has none. `listens_on` is `None` if another server listens.
pub fn checked_base_url(
    config: &Config,
    port: u16,
    listens_on: Option<IpAddr>,
) -> Result<BaseUrl, Error> {
    let base = match &config.base_url {
        Some(base) => base.clone(),
        None => {
            let local = BaseUrl::parse(&format!("http://localhost:{port}"));
            local.map_err(Error::internal)?
        }
    };
    config.check_brand()?;
    config.check_open_access(listens_on, &base)?;
    Ok(base)
}

/// Builds the state, and starts the tasks that keep it up to date.
pub fn build_state(
    config: &Config,
    base: BaseUrl,
    description: HandlerDescription<'_>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<App>, Error> {
    let clients = Clients::new(&config.clients, config.public_clients)?;
    let store = open_store(&config.store, &config.record_prefix, Arc::clone(&clock))?;
    let pages = Pages::new(description.card, config.brand.clone()).map_err(Error::internal)?;
    let external = external_server(config, clock.as_ref());
    let clock = ServerClock::new(clock);
    let upstream = TokenCache::new(
        Arc::clone(&store),
        config.keys.clone(),
        clock.clone(),
        Arc::clone(&config.login),
    );
    let upstream = Arc::new(upstream);
    let app = Arc::new(App {
        bases: BaseUrls::new(base, &config.hosts),
        keys: config.keys.clone(),
        clients,
        login: Arc::clone(&config.login),
        external,
        tools: (description.tools)(Arc::clone(&upstream)),
        upstream,
        grants: Arc::new(GrantCache::new(Arc::clone(&store), clock.clone())),
        store,
        pages,
        limits: RateLimits::new(),
        scopes: ScopePolicy::new(description.tool_scopes, config.implied_scopes.clone()),
        scope_descriptions: config.scope_descriptions.clone(),
        openai_challenge: config.openai_challenge.clone(),
        open_listing: config.open_listing,
        allowed_origins: config.allowed_origins.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        sign_ins: Throttle::new(),
        grants_not_before: config.grants_not_before,
        credential_versions: CredentialVersions::new(config.login.as_ref(), &config.keys),
        suspension: SuspensionDetector::start(),
        clock,
    });
    if app.external.is_none() && config.store != StoreChoice::Memory {
        watch_store(&app);
    }
    Ok(app)
}

/// Starts the periodic comparison of the ledger's clock with this machine's, and checks once
/// whether the ledger knows the sealing key.
fn watch_store(app: &Arc<App>) {
    let watched = clock_sync::watch(Arc::downgrade(&app.store), app.clock.correction());
    task::spawn(watched);
    let app = Arc::clone(app);
    task::spawn(async move {
        let issuer = app.bases.primary().as_str();
        known_keys::check(app.store.as_ref(), &app.keys, issuer, app.now()).await;
    });
}

/// Returns the external authorization server, if one is configured. Its first contact runs in the
/// background.
fn external_server(config: &Config, clock: &dyn Clock) -> Option<Arc<ExternalServer>> {
    let external = Arc::new(ExternalServer::new(config.authorization_server.clone()?)?);
    let (checked, now) = (Arc::clone(&external), clock.now());
    task::spawn(async move { checked.check(now).await });
    Some(external)
}

fn open_store(
    choice: &StoreChoice,
    prefix: &RecordPrefix,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn GrantStore>, Error> {
    match choice {
        StoreChoice::Given(GivenStore(store)) => Ok(Arc::clone(store)),
        StoreChoice::Memory => Ok(Arc::new(MemoryStore::with_clock(clock))),
        StoreChoice::Sqlite(path) => open_sqlite(path, clock),
        StoreChoice::Bucket(bucket, endpoints) => {
            let (bucket, endpoints) = (bucket.clone(), endpoints.clone());
            let store = GcsStore::new(bucket, endpoints, clock);
            Ok(Arc::new(store.with_prefix(prefix.clone())))
        }
        #[cfg(feature = "redis")]
        StoreChoice::Redis(address) => {
            let store = crate::store::RedisStore::new(address.clone(), clock);
            let store = Arc::new(store.with_prefix(prefix.clone()));
            let greeting = Arc::clone(&store);
            task::spawn(async move { greeting.check().await });
            Ok(store)
        }
    }
}

#[cfg(feature = "sqlite")]
fn open_sqlite(path: &Path, clock: Arc<dyn Clock>) -> Result<Arc<dyn GrantStore>, Error> {
    let store = crate::store::SqliteStore::open_with_clock(path, clock);
    let store = store.map_err(|error| Error::ledger(path, error))?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "sqlite"))]
fn open_sqlite(_path: &Path, _clock: Arc<dyn Clock>) -> Result<Arc<dyn GrantStore>, Error> {
    // The configuration accepts SQLite only if it is built in.
    Err(Error::internal("this build has no SQLite support"))
}
