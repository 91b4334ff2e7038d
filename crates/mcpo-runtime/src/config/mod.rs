//! Configuration: read once at start-up, and every mistake in it reported at once.

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

/// How a server is set up: from the environment by [`Config::from_env`], or by hand.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that a person sets by itself"
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

/// Where the ledger is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LedgerChoice {
    Memory,
    Sqlite(PathBuf),
    Bucket(BucketName, Endpoints),
    #[cfg(feature = "redis")]
    Redis(crate::ledger::RedisAddress),
    Given(GivenLedger),
}

/// A ledger that was made elsewhere.
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
/// Pages that may call `/mcp` from a browser, beside our own and those on loopback.
const DEFAULT_ORIGINS: [&str; 3] = [
    "https://claude.ai",
    "https://api.claude.ai",
    "https://claude.com",
];

impl Config {
    /// A configuration for tests and for mounting the router elsewhere: a ledger in memory, and no
    /// sign-in, which a server needs unless only this machine can reach it (see
    /// [`Self::open_to_anyone`]).
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

    /// Serves under this URL.
    #[must_use]
    pub fn with_base_url(mut self, base_url: BaseUrl) -> Self {
        self.base_url = Some(base_url);
        self
    }

    /// Seals with this ring.
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

    /// Believes these proxies which client a request comes from. Without any, the peer of the
    /// connection is the client.
    #[must_use]
    pub fn with_trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// Asks for this password instead of nobody.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.login = Arc::new(Password::new(PasswordSecret::Plain(password.into())));
        self
    }

    /// Asks people who they are by `login`: one that is shipped, or one of your own.
    #[must_use]
    pub fn with_login(mut self, login: impl Login) -> Self {
        self.login = Arc::new(login);
        self
    }

    /// Trusts this authorization server instead of being one: `/authorize`, `/token` and the like are
    /// gone, and clients are sent there.
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

    /// Keeps the ledger in this bucket of Google Cloud Storage, by the account that the server
    /// runs as.
    #[must_use]
    pub fn with_bucket(mut self, bucket: BucketName) -> Self {
        self.ledger = LedgerChoice::Bucket(bucket, Endpoints::google());
        self
    }

    /// Keeps the ledger in this Redis or Valkey.
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

    /// Ends all grants from before this moment: their tokens and codes are refused. For a ledger
    /// that was restored from a copy, which does not know what was revoked since.
    #[must_use]
    pub const fn with_grants_not_before(mut self, moment: Timestamp) -> Self {
        self.grants_not_before = Some(moment);
        self
    }

    /// Knows this client, beside those that register or describe themselves.
    #[must_use]
    pub fn with_client(mut self, client: ConfiguredClient) -> Self {
        self.clients.push(client);
        self
    }

    /// A grant of `wide` is good for the scopes `narrow` as well.
    ///
    /// A scope that begins with another one and a colon needs no telling: `notes` implies
    /// `notes:write`. Nor does the base scope, which every grant has.
    #[must_use]
    pub fn with_implied_scopes(mut self, wide: impl Into<String>, narrow: &[&str]) -> Self {
        let narrow = narrow.iter().copied().collect();
        self.implied_scopes.insert(wide.into(), narrow);
        self
    }

    /// Lets anybody see which tools, prompts and resources there are; calls still need a token.
    #[must_use]
    pub const fn with_open_listing(mut self, open: bool) -> Self {
        self.open_listing = open;
        self
    }

    /// Whether clients that keep no secret may register or describe themselves in a document.
    /// Most clients are such, so this is for servers whose clients are known.
    #[must_use]
    pub const fn with_public_clients(mut self, allowed: bool) -> Self {
        self.public_clients = allowed;
        self
    }

    /// The name that stands above the pages, instead of the MCP server's own.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Reads the process's environment.
    ///
    /// | variable | meaning | unset |
    /// | --- | --- | --- |
    /// | `MCPO_SECRET` | key ring, see [`KeyRing`] | an error |
    /// | `BASE_URL` | public URL, without a path | `http://localhost:PORT` |
    /// | `MCPO_HOSTS` | other host names that lead here, by comma; of those that end with `.run.app`, also `TAG---HOST`. Each is described under its own name | none |
    /// | `PORT` | TCP port | 8080 |
    /// | `HOST` | address to listen on | loopback, or all addresses if `BASE_URL` is public |
    /// | `ADMIN_PASSWORD` | password of the one user | nobody is asked |
    /// | `ADMIN_PASSWORD_HASH` | the same as an argon2id PHC string | – |
    /// | `GITHUB_CLIENT_ID`, `GITHUB_CLIENT_SECRET` | people sign in with GitHub, by this app | – |
    /// | `GITHUB_ALLOWED_LOGINS` | who may, by comma; `*`: everybody | – |
    /// | `GITHUB_ALLOWED_IDS` | who may, by the number of the account, which never changes | – |
    /// | `GITHUB_ALLOWED_ORGS`, `GITHUB_ALLOWED_TEAMS` | members may: `acme`, `acme/core` | – |
    /// | `GITHUB_SCOPES` | what people are asked for, by comma | `read:user` |
    /// | `GITHUB_SERVER_URL`, `GITHUB_API_URL` | a GitHub Enterprise Server, and its API | github.com |
    /// | `OIDC_ISSUER` | where people sign in: the URL of an OpenID provider's issuer, `google`, `microsoft:TENANT`, `auth0:DOMAIN`, `okta:DOMAIN` or `keycloak:URL` | – |
    /// | `OIDC_CLIENT_ID`, `OIDC_CLIENT_SECRET` | the client there; its callback is `/auth/oidc/callback` | – |
    /// | `OIDC_ALLOWED_EMAILS` | who may come in, by verified e-mail address and comma; `*` for everybody who has an account there | nobody |
    /// | `OIDC_ALLOWED_DOMAINS`, `OIDC_ALLOWED_SUBJECTS`, `OIDC_ALLOWED_GROUPS` | the same by domain of the verified address, by `sub`, by group | nobody |
    /// | `OIDC_GROUPS_CLAIM` | the claim with the groups | `groups` |
    /// | `OIDC_SCOPES` | what people are asked for there | `openid profile email offline_access`, or what the provider has for it |
    /// | `MCPO_AUTHORIZATION_SERVER` | issuer of an authorization server elsewhere that is trusted, see [`AuthorizationServer`] | this server is its own |
    /// | `MCPO_AUDIENCE` | whom its tokens have to be for, by comma | the URL of `/mcp` |
    /// | `MCPO_SCOPE_MAP` | what scopes are called there: `THEIRS=OURS` by comma; `*=OURS` for any token | the same |
    /// | `MCPO_SCOPE_CLAIM` | the claim with the scopes | `scope`, else `scp` |
    /// | `MCPO_CLIENTS` | clients known beforehand: a JSON array with `client_id`, `client_secret`, `client_name`, `redirect_uris` | none |
    /// | `MCPO_LEDGER` | `gs://BUCKET`, `sqlite:PATH`, `memory`, or with the feature `redis` `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]` (with TLS `rediss://`) | `sqlite:$MCPO_STATE_DIR/ledger.sqlite3` |
    /// | `MCPO_LEDGER_CA` | who vouches for a `rediss://`: certificates in PEM, or a file with them | the public authorities |
    /// | `MCPO_CA` | who vouches, beside the public authorities, for the servers that this one asks: sign-in providers, an authorization server elsewhere, what tools ask with [`http_client`](crate::http_client); certificates in PEM, or a file with them. Not for a ledger, which has `MCPO_LEDGER_CA` | the public authorities |
    /// | `MCPO_LEDGER_PLAINTEXT` | `1`: a Redis without TLS is accepted on another host, because the network in between is private | TLS is required off loopback |
    /// | `MCPO_GRANTS_NOT_BEFORE` | a time like `2026-11-28T12:00:00Z`: grants from before it have ended, see [`Config::with_grants_not_before`] | none have |
    /// | `MCPO_STATE_DIR` | folder for state | `.mcpo` |
    /// | `MCPO_OPEN_LISTING` | `1`: anybody may see which tools there are | a token is needed |
    /// | `MCPO_TITLE` | name above the pages | the server's name |
    /// | `MCPO_LOGO` | picture above the pages: the path of a file of up to 64 KiB | none |
    /// | `MCPO_PUBLIC_CLIENTS` | `0`: only clients that keep a secret may register | all may |
    /// | `MCPO_ALLOWED_ORIGINS` | browser origins that may call `/mcp`, by comma | claude.ai |
    /// | `MCPO_OPEN_TO_ANYONE` | `1`: anyone who reaches the server may use its tools, without a sign-in | – |
    /// | `MCPO_TRUSTED_PROXIES` | the proxies in front of this server, by comma: addresses, networks (`10.0.0.0/8`), `loopback`, `cloud-run` | `cloud-run` on Cloud Run, else none |
    ///
    /// A server without a sign-in starts only if it listens on a loopback address and its base URL is
    /// a loopback URL, or with `MCPO_OPEN_TO_ANYONE=1` (see [`Self::open_to_anyone`]). A sign-in
    /// variable that is set but empty is an error.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        environment::read(&|name| std::env::var_os(name).map(|value| value.into_string().ok()))
    }

    /// Whether anyone who reaches the server could use its tools.
    fn has_sign_in(&self) -> bool {
        self.authorization_server.is_some() || !self.login.asks_nobody()
    }
}
