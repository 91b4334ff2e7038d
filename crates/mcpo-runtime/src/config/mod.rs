//! The configuration. It is read once at startup, and all mistakes are reported together.

mod environment;
mod open_access;

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

pub use self::environment::ConfigErrors;
use crate::{
    base_url::BaseUrl,
    client::ConfiguredClient,
    client_ip::TrustedProxies,
    clock::Timestamp,
    external::AuthorizationServer,
    ledger::{BucketName, Endpoints, Ledger},
    login::{Login, Nobody, Password, PasswordSecret},
    pages::Logo,
    scope::Scopes,
    seal::KeyRing,
};

/// The configuration of a server: from the environment with [`Config::from_env`], or built in code.
#[derive(Clone, Debug)]
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
    pub(crate) ledger: LedgerChoice,
    pub(crate) grants_not_before: Option<Timestamp>,
    pub(crate) title: Option<String>,
    pub(crate) logo: Option<Logo>,
    pub(crate) public_clients: bool,
    pub(crate) implied_scopes: BTreeMap<String, Scopes>,
    pub(crate) open_listing: bool,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) trusted_proxies: TrustedProxies,
    /// Whether the owner wants anyone to use the tools.
    pub(crate) is_open_to_anyone: bool,
    pub(crate) under_dev: bool,
}

/// The storage of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LedgerChoice {
    Memory,
    Sqlite(PathBuf),
    Bucket(BucketName, Endpoints),
    #[cfg(feature = "redis")]
    Redis(crate::ledger::RedisAddress),
    Given(GivenLedger),
}

/// A ledger that the application provides.
#[derive(Clone)]
pub(crate) struct GivenLedger(pub(crate) Arc<dyn Ledger>);

impl fmt::Debug for GivenLedger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GivenLedger")
    }
}

impl PartialEq for GivenLedger {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for GivenLedger {}

const DEFAULT_PORT: u16 = 8080;
/// Origins that may call `/mcp` from a browser, in addition to this server's own and loopback.
const DEFAULT_ORIGINS: [&str; 3] = [
    "https://claude.ai",
    "https://api.claude.ai",
    "https://claude.com",
];

impl Config {
    /// Creates a configuration for tests and for mounting the router in another server. The ledger
    /// is in memory and there is no sign-in. Without a sign-in, the server starts only if no other
    /// machine can reach it (see [`Self::open_to_anyone`]).
    #[must_use]
    pub fn new(base_url: BaseUrl, keys: KeyRing) -> Self {
        Self {
            base_url: Some(base_url),
            hosts: Vec::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            keys,
            login: Arc::new(Nobody),
            clients: Vec::new(),
            authorization_server: None,
            ledger: LedgerChoice::Memory,
            grants_not_before: None,
            title: None,
            logo: None,
            public_clients: true,
            implied_scopes: BTreeMap::new(),
            open_listing: false,
            allowed_origins: DEFAULT_ORIGINS.map(str::to_owned).into(),
            trusted_proxies: TrustedProxies::default(),
            is_open_to_anyone: false,
            under_dev: false,
        }
    }

    /// Sets the public URL.
    #[must_use]
    pub fn with_base_url(mut self, base_url: BaseUrl) -> Self {
        self.base_url = Some(base_url);
        self
    }

    /// Sets the key ring.
    #[must_use]
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
    #[must_use]
    pub const fn open_to_anyone(mut self) -> Self {
        self.is_open_to_anyone = true;
        self
    }

    /// Trusts these proxies to report the client of a request. Without trusted proxies, the peer of
    /// the connection is the client.
    #[must_use]
    pub fn with_trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// Requires this password to sign in.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.login = Arc::new(Password::new(PasswordSecret::Plain(password.into())));
        self
    }

    /// Signs users in with `login`, one of the included logins or a custom one.
    #[must_use]
    pub fn with_login(mut self, login: impl Login) -> Self {
        self.login = Arc::new(login);
        self
    }

    /// Trusts this authorization server instead of being one. `/authorize`, `/token` and the other
    /// OAuth endpoints are removed, and clients are sent to the authorization server.
    #[must_use]
    pub fn with_authorization_server(mut self, server: AuthorizationServer) -> Self {
        self.authorization_server = Some(server);
        self
    }

    /// Keeps the ledger in this SQLite file instead of in memory.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn with_sqlite(mut self, path: impl Into<PathBuf>) -> Self {
        self.ledger = LedgerChoice::Sqlite(path.into());
        self
    }

    /// Keeps the ledger in this bucket of Google Cloud Storage, with the credentials of the service
    /// account that the server runs as.
    #[must_use]
    pub fn with_bucket(mut self, bucket: BucketName) -> Self {
        self.ledger = LedgerChoice::Bucket(bucket, Endpoints::google());
        self
    }

    /// Keeps the ledger in this Redis or Valkey server.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn with_redis(mut self, address: crate::ledger::RedisAddress) -> Self {
        self.ledger = LedgerChoice::Redis(address);
        self
    }

    /// Uses this ledger, for example a [`MemoryLedger`](crate::ledger::MemoryLedger)
    /// that several servers of one process share.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Arc<dyn Ledger>) -> Self {
        self.ledger = LedgerChoice::Given(GivenLedger(ledger));
        self
    }

    /// Ends all grants from before this moment: their tokens and codes are refused. Use this after
    /// restoring the ledger from a backup, which does not contain later revocations.
    #[must_use]
    pub const fn with_grants_not_before(mut self, moment: Timestamp) -> Self {
        self.grants_not_before = Some(moment);
        self
    }

    /// Adds this client, in addition to clients that register or use a metadata document.
    #[must_use]
    pub fn with_client(mut self, client: ConfiguredClient) -> Self {
        self.clients.push(client);
        self
    }

    /// Makes a grant of `wide` cover the scopes `narrow` as well.
    ///
    /// A scope that begins with another scope and a colon is implied automatically: `notes` implies
    /// `notes:write`. The base scope is also automatic, because every grant has it.
    #[must_use]
    pub fn with_implied_scopes(mut self, wide: impl Into<String>, narrow: &[&str]) -> Self {
        let narrow = narrow.iter().copied().collect();
        self.implied_scopes.insert(wide.into(), narrow);
        self
    }

    /// Lets anyone list tools, prompts and resources. Calls still need a token.
    #[must_use]
    pub const fn with_open_listing(mut self, open: bool) -> Self {
        self.open_listing = open;
        self
    }

    /// Sets whether clients without a secret may register or use a metadata document. Most clients
    /// have no secret, so turn this off only for servers whose clients are known.
    #[must_use]
    pub const fn with_public_clients(mut self, allowed: bool) -> Self {
        self.public_clients = allowed;
        self
    }

    /// Sets the name on the pages, instead of the MCP server's own name.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Reads the configuration from the environment of the process.
    ///
    /// | variable | meaning | unset |
    /// | --- | --- | --- |
    /// | `MCPO_SECRET` | key ring, see [`KeyRing`] | an error |
    /// | `BASE_URL` | public URL, without a path | `http://localhost:PORT` |
    /// | `MCPO_HOSTS` | other host names of this server, separated by commas; for names that end with `.run.app`, also `TAG---HOST`. Metadata uses the host name of the request | none |
    /// | `PORT` | TCP port | 8080 |
    /// | `HOST` | address to listen on | loopback, or all addresses if `BASE_URL` is public |
    /// | `ADMIN_PASSWORD` | password of the single user | no sign-in |
    /// | `ADMIN_PASSWORD_HASH` | the same as an argon2id PHC string | – |
    /// | `GITHUB_CLIENT_ID`, `GITHUB_CLIENT_SECRET` | the app for sign-in with GitHub | – |
    /// | `GITHUB_ALLOWED_LOGINS` | allowed accounts, separated by commas; `*` allows all accounts | – |
    /// | `GITHUB_ALLOWED_IDS` | allowed accounts by number, which never changes | – |
    /// | `GITHUB_ALLOWED_ORGS`, `GITHUB_ALLOWED_TEAMS` | organizations and teams whose members are allowed: `acme`, `acme/core` | – |
    /// | `GITHUB_SCOPES` | scopes to request, separated by commas | `read:user` |
    /// | `GITHUB_SERVER_URL`, `GITHUB_API_URL` | a GitHub Enterprise Server, and its API | github.com |
    /// | `OIDC_ISSUER` | OpenID provider for the sign-in: the URL of its issuer, `google`, `microsoft:TENANT`, `auth0:DOMAIN`, `okta:DOMAIN` or `keycloak:URL` | – |
    /// | `OIDC_CLIENT_ID`, `OIDC_CLIENT_SECRET` | the client at the provider; its callback is `/auth/oidc/callback` | – |
    /// | `OIDC_ALLOWED_EMAILS` | allowed verified e-mail addresses, separated by commas; `*` allows all accounts | no user |
    /// | `OIDC_ALLOWED_DOMAINS`, `OIDC_ALLOWED_SUBJECTS`, `OIDC_ALLOWED_GROUPS` | allowed domains of verified addresses, values of `sub`, and groups | no user |
    /// | `OIDC_GROUPS_CLAIM` | the claim with the groups | `groups` |
    /// | `OIDC_SCOPES` | scopes to request from the provider | `openid profile email offline_access`, or the provider's equivalent |
    /// | `MCPO_AUTHORIZATION_SERVER` | issuer of a trusted authorization server, see [`AuthorizationServer`] | this server is the authorization server |
    /// | `MCPO_AUDIENCE` | accepted audiences of its tokens, separated by commas | the URL of `/mcp` |
    /// | `MCPO_SCOPE_MAP` | its names of scopes: `THEIRS=OURS` pairs, separated by commas; `*=OURS` for any token | the same names |
    /// | `MCPO_SCOPE_CLAIM` | the claim with the scopes | `scope`, else `scp` |
    /// | `MCPO_CLIENTS` | preconfigured clients: a JSON array with `client_id`, `client_secret`, `client_name`, `redirect_uris` | none |
    /// | `MCPO_LEDGER` | `gs://BUCKET`, `sqlite:PATH`, `memory`, or with the feature `redis` `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]` (with TLS `rediss://`) | `sqlite:$MCPO_STATE_DIR/ledger.sqlite3` |
    /// | `MCPO_LEDGER_CA` | certificate authorities for `rediss://`: certificates in PEM, or a file with them | the public authorities |
    /// | `MCPO_CA` | certificate authorities for outgoing connections, in addition to the public ones: to sign-in providers, an authorization server, and servers that tools call with [`http_client`](crate::http_client); certificates in PEM, or a file with them. Not used for the ledger, see `MCPO_LEDGER_CA` | the public authorities |
    /// | `MCPO_LEDGER_PLAINTEXT` | `1`: accept a Redis without TLS on another host, for private networks | TLS is required off loopback |
    /// | `MCPO_GRANTS_NOT_BEFORE` | a time like `2026-11-28T12:00:00Z`: ends grants from before it, see [`Config::with_grants_not_before`] | all grants are valid |
    /// | `MCPO_STATE_DIR` | folder for state | `.mcpo` |
    /// | `MCPO_OPEN_LISTING` | `1`: anyone may list the tools | a token is needed |
    /// | `MCPO_TITLE` | name on the pages | the server's name |
    /// | `MCPO_LOGO` | logo on the pages: the path of a file of up to 64 KiB | none |
    /// | `MCPO_PUBLIC_CLIENTS` | `0`: only clients that keep a secret may register | all may |
    /// | `MCPO_ALLOWED_ORIGINS` | browser origins that may call `/mcp`, separated by commas | claude.ai |
    /// | `MCPO_OPEN_TO_ANYONE` | `1`: anyone who reaches the server may use its tools, without a sign-in | – |
    /// | `MCPO_TRUSTED_PROXIES` | the proxies in front of this server, separated by commas: addresses, networks (`10.0.0.0/8`), `loopback`, `cloud-run` | `cloud-run` on Cloud Run, else none |
    ///
    /// A server without a sign-in starts only if it listens on a loopback address and its base URL
    /// is a loopback URL, or with `MCPO_OPEN_TO_ANYONE=1` (see [`Self::open_to_anyone`]). A sign-in
    /// variable that is set but empty is an error.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        environment::read(&|name| std::env::var_os(name).map(|value| value.into_string().ok()))
    }

    /// Returns true if users must sign in before they can use the tools.
    fn has_sign_in(&self) -> bool {
        self.authorization_server.is_some() || !self.login.asks_nobody()
    }
}
