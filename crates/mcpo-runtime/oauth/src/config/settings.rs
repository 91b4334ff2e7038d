//! The settings of a server.

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use crate::{
    base::{clock::Timestamp, error::ConfigError, seal::KeyRing},
    login::{Anonymous, Login, Password, PasswordSecret},
    net::client_ip::TrustedProxies,
    oauth::{
        authorization_server::AuthorizationServer, base_url::BaseUrl, client::ConfiguredClient,
        scope::Scopes,
    },
    pages::Brand,
    store::{BucketName, Endpoints, GrantStore, RecordPrefix},
};

/// The configuration of a server: from the environment with [`Config::from_env`], or built in code.
#[derive(Clone, Debug)]
#[must_use]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent switch"
)]
pub struct Config {
    pub(crate) base_url: Option<BaseUrl>,
    /// Other public names of this server.
    pub(crate) hosts: Vec<BaseUrl>,
    pub(crate) listen: SocketAddr,
    pub(crate) keys: KeyRing,
    pub(crate) login: Arc<dyn Login>,
    pub(crate) clients: Vec<ConfiguredClient>,
    pub(crate) authorization_server: Option<AuthorizationServer>,
    pub(crate) store: StoreChoice,
    /// The beginning of the names of all records, in a bucket or in Redis.
    pub(crate) record_prefix: RecordPrefix,
    pub(crate) grants_not_before: Option<Timestamp>,
    pub(crate) title: Option<String>,
    pub(crate) brand: Brand,
    /// Unusable values that were set in code. They are reported when the server starts.
    pub(crate) mistakes: Vec<ConfigError>,
    /// The token for the domain verification of ChatGPT: printable ASCII.
    pub(crate) openai_challenge: Option<String>,
    pub(crate) public_clients: bool,
    pub(crate) implied_scopes: BTreeMap<String, Scopes>,
    /// What the consent page says about scopes.
    pub(crate) scope_descriptions: BTreeMap<String, String>,
    pub(crate) open_listing: bool,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) trusted_proxies: TrustedProxies,
    /// Whether the owner wants anyone to use the tools.
    pub(crate) is_open_to_anyone: bool,
    pub(crate) under_dev: bool,
}

/// The storage of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreChoice {
    Memory,
    Sqlite(PathBuf),
    Bucket(BucketName, Endpoints),
    #[cfg(feature = "redis")]
    Redis(crate::store::RedisAddress),
    Given(GivenStore),
}

/// A ledger that the application provides.
#[derive(Clone)]
pub(crate) struct GivenStore(pub(crate) Arc<dyn GrantStore>);

impl fmt::Debug for GivenStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GivenStore")
    }
}

impl PartialEq for GivenStore {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for GivenStore {}

pub(super) const DEFAULT_PORT: u16 = 8080;
/// Origins that may call `/mcp` from a browser, in addition to this server's own and loopback.
pub(super) const DEFAULT_ORIGINS: [&str; 3] = [
    "https://claude.ai",
    "https://api.claude.ai",
    "https://claude.com",
];

impl Config {
    /// Creates a configuration for tests and for mounting the router in another server. The ledger
    /// is in memory and there is no sign-in. Without a sign-in, the server starts only if no other
    /// machine can reach it (see [`Self::open_to_anyone`]).
    pub fn new(base_url: BaseUrl, keys: KeyRing) -> Self {
        Self {
            base_url: Some(base_url),
            hosts: Vec::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            keys,
            login: Arc::new(Anonymous),
            clients: Vec::new(),
            authorization_server: None,
            store: StoreChoice::Memory,
            record_prefix: RecordPrefix::default(),
            grants_not_before: None,
            title: None,
            brand: Brand::default(),
            mistakes: Vec::new(),
            openai_challenge: None,
            public_clients: true,
            implied_scopes: BTreeMap::new(),
            scope_descriptions: BTreeMap::new(),
            open_listing: false,
            allowed_origins: DEFAULT_ORIGINS.map(str::to_owned).into(),
            trusted_proxies: TrustedProxies::default(),
            is_open_to_anyone: false,
            under_dev: false,
        }
    }

    /// Sets the public URL.
    pub fn with_base_url(mut self, base_url: BaseUrl) -> Self {
        self.base_url = Some(base_url);
        self
    }

    /// Sets the key ring.
    pub fn with_keys(mut self, keys: KeyRing) -> Self {
        self.keys = keys;
        self
    }

    /// Lets anyone who reaches the server use its tools, without a sign-in.
    ///
    /// | listens on | base URL | sign-in | open to anyone | starts |
    /// | --- | --- | --- | --- | --- |
    /// | any | any | configured | any | yes |
    /// | loopback | loopback | none | no | yes |
    /// | other | any | none | no | no |
    /// | any | public | none | no | no |
    /// | any | any | none | yes | yes |
    pub const fn open_to_anyone(mut self) -> Self {
        self.is_open_to_anyone = true;
        self
    }

    /// Trusts these proxies to report the client of a request. Without trusted proxies, the peer of
    /// the connection is the client.
    pub fn with_trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// Requires this password to sign in.
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.login = Arc::new(Password::new(PasswordSecret::Plain(password.into())));
        self
    }

    /// Signs users in with `login`, one of the included logins or a custom one.
    pub fn with_login(mut self, login: impl Login) -> Self {
        self.login = Arc::new(login);
        self
    }

    /// Trusts this authorization server instead of being one. `/authorize`, `/token` and the other
    /// OAuth endpoints are removed, and clients are sent to the authorization server.
    pub fn with_authorization_server(mut self, server: AuthorizationServer) -> Self {
        self.authorization_server = Some(server);
        self
    }

    /// Keeps the ledger in this SQLite file instead of in memory.
    #[cfg(feature = "sqlite")]
    pub fn with_sqlite(mut self, path: impl Into<PathBuf>) -> Self {
        self.store = StoreChoice::Sqlite(path.into());
        self
    }

    /// Keeps the ledger in this bucket of Google Cloud Storage, with the credentials of the service
    /// account that the server runs as.
    pub fn with_bucket(mut self, bucket: BucketName) -> Self {
        self.store = StoreChoice::Bucket(bucket, Endpoints::google());
        self
    }

    /// Keeps the ledger in this Redis or Valkey server.
    #[cfg(feature = "redis")]
    pub fn with_redis(mut self, address: crate::store::RedisAddress) -> Self {
        self.store = StoreChoice::Redis(address);
        self
    }

    /// Uses this ledger, for example a [`MemoryStore`](crate::store::MemoryStore)
    /// that several servers of one process share.
    pub fn with_store(mut self, store: Arc<dyn GrantStore>) -> Self {
        self.store = StoreChoice::Given(GivenStore(store));
        self
    }

    /// Ends all grants from before this moment: their tokens and codes are refused. Use this after
    /// restoring the ledger from a backup, which does not contain later revocations.
    pub const fn with_grants_not_before(mut self, moment: Timestamp) -> Self {
        self.grants_not_before = Some(moment);
        self
    }

    /// Adds this client, in addition to clients that register or use a metadata document.
    pub fn with_client(mut self, client: ConfiguredClient) -> Self {
        self.clients.push(client);
        self
    }

    /// Makes a grant of `wide` cover the scopes `narrow` as well.
    ///
    /// A scope that begins with another scope and a colon is implied automatically: `notes` implies
    /// `notes:write`. The base scope is also automatic, because every grant has it.
    pub fn with_implied_scopes(mut self, wide: impl Into<String>, narrow: &[&str]) -> Self {
        let narrow = Scopes::from_names(narrow.iter().copied());
        self.implied_scopes.insert(wide.into(), narrow);
        self
    }

    /// Sets what the consent page says about a scope: `("notes:delete", "Delete your notes")`. Without a
    /// description, it shows the name of the scope. An external authorization server has pages of its
    /// own, which do not use the descriptions.
    pub fn with_scope_description(
        mut self,
        scope: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        self.scope_descriptions
            .insert(scope.into(), description.into());
        self
    }

    /// Lets anyone list tools, prompts and resources. Calls still need a token.
    pub const fn with_open_listing(mut self, open: bool) -> Self {
        self.open_listing = open;
        self
    }

    /// Sets whether clients without a secret may register or use a metadata document. Most clients
    /// have no secret, so turn this off only for servers whose clients are known.
    pub const fn with_public_clients(mut self, allowed: bool) -> Self {
        self.public_clients = allowed;
        self
    }

    /// Sets the name on the pages, instead of the MCP server's own name.
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Returns true if users must sign in before they can use the tools.
    pub(super) fn has_sign_in(&self) -> bool {
        self.authorization_server.is_some() || !self.login.is_anonymous()
    }
}
