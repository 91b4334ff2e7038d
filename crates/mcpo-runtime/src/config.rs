//! Configuration: read once at start-up, and every mistake in it reported at once.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use url::Url;

use crate::{
    base_url::BaseUrl,
    client::{ConfiguredClient, parse_configured},
    login::{Login, MAX_PASSWORD_LEN, Password},
    pages::{Logo, LogoError},
    scope::Scopes,
    seal::{KeyRing, KeyRingError},
};

/// How a server is set up: from the environment by [`Config::from_env`], or by hand.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that a person sets by itself"
)]
pub struct Config {
    pub(crate) base_url: Option<BaseUrl>,
    pub(crate) listen: SocketAddr,
    pub(crate) keys: KeyRing,
    pub(crate) login: Login,
    pub(crate) clients: Vec<ConfiguredClient>,
    pub(crate) ledger: LedgerChoice,
    pub(crate) title: Option<String>,
    pub(crate) logo: Option<Logo>,
    pub(crate) public_clients: bool,
    pub(crate) implied_scopes: BTreeMap<String, Scopes>,
    pub(crate) open_listing: bool,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) on_cloud_run: bool,
    pub(crate) under_dev: bool,
}

/// Where the ledger is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LedgerChoice {
    Memory,
    Sqlite(PathBuf),
}

/// Everything that was wrong with the environment.
#[derive(Debug, thiserror::Error)]
#[error("{}", Lines(.0))]
pub struct ConfigErrors(Vec<ConfigError>);

/// One variable that cannot be used.
#[derive(Debug, PartialEq, Eq)]
struct ConfigError {
    name: &'static str,
    /// The value, unless it is a secret.
    value: Option<String>,
    problem: String,
    allowed: &'static str,
}

struct Lines<'a>(&'a [ConfigError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            formatter.write_str(error.name)?;
            if let Some(value) = &error.value {
                write!(formatter, "={value:?}")?;
            }
            write!(formatter, " {}; {}", error.problem, error.allowed)?;
        }
        Ok(())
    }
}

const DEFAULT_PORT: u16 = 8080;
/// Pages that may call `/mcp` from a browser, beside our own and those on loopback.
const DEFAULT_ORIGINS: [&str; 3] = [
    "https://claude.ai",
    "https://api.claude.ai",
    "https://claude.com",
];
const SECRET_HELP: &str = "`mcpo dev` sets it from the project's .env; elsewhere it is 32 random \
     bytes in base64url, and the same for every instance: \
     openssl rand -base64 32 | tr '+/' '-_' | tr -d '='";

impl Config {
    /// A configuration for tests and for mounting the router elsewhere: a ledger in memory,
    /// nobody is asked to sign in.
    #[must_use]
    pub fn new(base_url: BaseUrl, keys: KeyRing) -> Self {
        Self {
            base_url: Some(base_url),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            keys,
            login: Login::Nobody,
            clients: Vec::new(),
            ledger: LedgerChoice::Memory,
            title: None,
            logo: None,
            public_clients: true,
            implied_scopes: BTreeMap::new(),
            open_listing: false,
            allowed_origins: DEFAULT_ORIGINS.map(str::to_owned).into(),
            on_cloud_run: false,
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

    /// Asks for this password instead of nobody.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.login = Login::Password(Password::Plain(password.into()));
        self
    }

    /// Keeps the ledger in this SQLite file instead of in memory.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn with_sqlite(mut self, path: impl Into<PathBuf>) -> Self {
        self.ledger = LedgerChoice::Sqlite(path.into());
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
    /// | `PORT` | TCP port | 8080 |
    /// | `HOST` | address to listen on | loopback, or all addresses if `BASE_URL` is public |
    /// | `ADMIN_PASSWORD` | password of the one user | nobody is asked |
    /// | `ADMIN_PASSWORD_HASH` | the same as an argon2id PHC string | – |
    /// | `MCPO_CLIENTS` | clients known beforehand: a JSON array with `client_id`, `client_secret`, `client_name`, `redirect_uris` | none |
    /// | `MCPO_LEDGER` | `sqlite:PATH` or `memory` | `sqlite:$MCPO_STATE_DIR/ledger.sqlite3` |
    /// | `MCPO_STATE_DIR` | folder for state | `.mcpo` |
    /// | `MCPO_OPEN_LISTING` | `1`: anybody may see which tools there are | a token is needed |
    /// | `MCPO_TITLE` | name above the pages | the server's name |
    /// | `MCPO_LOGO` | picture above the pages: the path of a file of up to 64 KiB | none |
    /// | `MCPO_PUBLIC_CLIENTS` | `0`: only clients that keep a secret may register | all may |
    /// | `MCPO_ALLOWED_ORIGINS` | browser origins that may call `/mcp`, by comma | claude.ai |
    /// | `MCPO_OPEN_TO_ANYONE` | `1`: serve the public although nobody is asked | – |
    pub fn from_env() -> Result<Self, ConfigErrors> {
        Self::from_lookup(&|name| std::env::var_os(name).map(|value| value.into_string().ok()))
    }

    /// Reads variables through `lookup`: unset, not UTF-8, or a value.
    fn from_lookup(lookup: &dyn Fn(&str) -> Option<Option<String>>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader {
            lookup,
            errors: Vec::new(),
        };
        let on_cloud_run = reader.text("K_SERVICE").is_some();
        let base_url = reader.base_url();
        if on_cloud_run && base_url.is_none() && reader.text("BASE_URL").is_none() {
            let allowed = "the service's public URL, https://SERVICE-NUMBER.REGION.run.app";
            reader.wrong("BASE_URL", None, "is not set", allowed);
        }
        let listen = reader.listen(base_url.as_ref(), on_cloud_run);
        let keys = reader.keys();
        let login = reader.login();
        let clients = reader.clients();
        let ledger = reader.ledger(on_cloud_run);
        let allowed_origins = reader.allowed_origins();
        if on_cloud_run && matches!(login, Login::Nobody) && !reader.flag("MCPO_OPEN_TO_ANYONE") {
            reader.errors.push(ConfigError {
                name: "ADMIN_PASSWORD",
                value: None,
                problem: "is not set, so anyone on the internet could call these tools".into(),
                allowed: "set it, or MCPO_OPEN_TO_ANYONE=1 if that is what you want",
            });
        }
        let title = reader.text("MCPO_TITLE");
        let logo = reader.logo();
        let public_clients = reader.flag_or("MCPO_PUBLIC_CLIENTS", true);
        let open_listing = reader.flag("MCPO_OPEN_LISTING");
        let under_dev = reader.flag("MCPO_DEV");
        match keys {
            Some(keys) if reader.errors.is_empty() => Ok(Self {
                base_url,
                listen,
                keys,
                login,
                clients,
                ledger,
                title,
                logo,
                public_clients,
                implied_scopes: BTreeMap::new(),
                open_listing,
                allowed_origins,
                on_cloud_run,
                under_dev,
            }),
            _ => Err(ConfigErrors(reader.errors)),
        }
    }
}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<Option<String>>,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// The value of a variable; an empty one is unset.
    fn text(&mut self, name: &'static str) -> Option<String> {
        match (self.lookup)(name)? {
            Some(value) => Some(value).filter(|value| !value.is_empty()),
            None => {
                self.wrong(name, None, "is not UTF-8", "write it as plain text");
                None
            }
        }
    }

    fn flag(&mut self, name: &'static str) -> bool {
        self.flag_or(name, false)
    }

    fn flag_or(&mut self, name: &'static str, default: bool) -> bool {
        match self.text(name).as_deref() {
            None => default,
            Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(other) => {
                let value = Some(other.to_owned());
                self.wrong(name, value, "is neither on nor off", "1 or 0");
                false
            }
        }
    }

    fn wrong(
        &mut self,
        name: &'static str,
        value: Option<String>,
        problem: impl Into<String>,
        allowed: &'static str,
    ) {
        self.errors.push(ConfigError {
            name,
            value,
            problem: problem.into(),
            allowed,
        });
    }

    fn base_url(&mut self) -> Option<BaseUrl> {
        let text = self.text("BASE_URL")?;
        match BaseUrl::parse(&text) {
            Ok(url) => Some(url),
            Err(error) => {
                let allowed = "for example https://my-service.example";
                self.wrong("BASE_URL", Some(text), error.to_string(), allowed);
                None
            }
        }
    }

    fn listen(&mut self, base_url: Option<&BaseUrl>, on_cloud_run: bool) -> SocketAddr {
        let port = self.text("PORT").map_or(Some(DEFAULT_PORT), |text| {
            let port = text.parse().ok();
            if port.is_none() {
                let problem = "is not a port number";
                self.wrong("PORT", Some(text), problem, "0 to 65535");
            }
            port
        });
        let public = on_cloud_run || base_url.is_some_and(|url| !url.is_loopback());
        let default = if public {
            Ipv4Addr::UNSPECIFIED
        } else {
            Ipv4Addr::LOCALHOST
        };
        let host = self.text("HOST").map_or(Some(IpAddr::V4(default)), |text| {
            let host = text.parse().ok();
            if host.is_none() {
                let problem = "is not an IP address";
                self.wrong("HOST", Some(text), problem, "for example 127.0.0.1 or ::");
            }
            host
        });
        SocketAddr::new(
            host.unwrap_or(IpAddr::V4(default)),
            port.unwrap_or(DEFAULT_PORT),
        )
    }

    fn keys(&mut self) -> Option<KeyRing> {
        let Some(text) = self.text("MCPO_SECRET") else {
            self.wrong("MCPO_SECRET", None, "is not set", SECRET_HELP);
            return None;
        };
        match KeyRing::parse(&text) {
            Ok(keys) => Some(keys),
            Err(error @ (KeyRingError::Empty | KeyRingError::NotAKey(_))) => {
                let problem = format!("cannot be used: {error}");
                self.wrong("MCPO_SECRET", None, problem, SECRET_HELP);
                None
            }
        }
    }

    fn login(&mut self) -> Login {
        let plain = self.text("ADMIN_PASSWORD");
        let hash = self.text("ADMIN_PASSWORD_HASH");
        match (plain, hash) {
            (None, None) => Login::Nobody,
            (Some(plain), None) => {
                if plain.len() > MAX_PASSWORD_LEN {
                    let problem = format!("is longer than {MAX_PASSWORD_LEN} bytes");
                    self.wrong("ADMIN_PASSWORD", None, problem, "use a shorter one");
                }
                Login::Password(Password::Plain(plain))
            }
            (None, Some(hash)) => {
                if !Password::is_argon2id(&hash) {
                    let problem = "is not an argon2id hash";
                    let allowed = "a PHC string that begins with $argon2id$";
                    self.wrong("ADMIN_PASSWORD_HASH", None, problem, allowed);
                }
                Login::Password(Password::Hash(hash))
            }
            (Some(_), Some(hash)) => {
                let problem = "is set beside ADMIN_PASSWORD";
                self.wrong("ADMIN_PASSWORD_HASH", None, problem, "set one of the two");
                Login::Password(Password::Hash(hash))
            }
        }
    }

    fn clients(&mut self) -> Vec<ConfiguredClient> {
        let Some(text) = self.text("MCPO_CLIENTS") else {
            return Vec::new();
        };
        parse_configured(&text).unwrap_or_else(|error| {
            let problem = format!("cannot be used: {error}");
            let allowed = "a JSON array of objects with client_id, client_secret (left out for a \
                           public client), client_name, redirect_uris";
            self.wrong("MCPO_CLIENTS", None, problem, allowed);
            Vec::new()
        })
    }

    fn ledger(&mut self, on_cloud_run: bool) -> LedgerChoice {
        let state = self.text("MCPO_STATE_DIR").unwrap_or(".mcpo".into());
        match self.text("MCPO_LEDGER") {
            Some(text) if text == "memory" => LedgerChoice::Memory,
            Some(text) => match text.strip_prefix("sqlite:") {
                Some(path) if cfg!(feature = "sqlite") && !path.is_empty() => {
                    LedgerChoice::Sqlite(path.into())
                }
                _ => {
                    let problem = "names no ledger of this build";
                    let allowed = if cfg!(feature = "sqlite") {
                        "sqlite:PATH or memory"
                    } else {
                        "memory, or build mcpo-runtime with its feature sqlite"
                    };
                    self.wrong("MCPO_LEDGER", Some(text), problem, allowed);
                    LedgerChoice::Memory
                }
            },
            None if on_cloud_run => {
                let problem = "is not set, and an instance here forgets its files";
                let allowed = "sqlite:PATH on a volume that is kept, or memory if every client \
                               may be asked to sign in again at each restart";
                self.wrong("MCPO_LEDGER", None, problem, allowed);
                LedgerChoice::Memory
            }
            None if cfg!(feature = "sqlite") => {
                LedgerChoice::Sqlite(PathBuf::from(state).join("ledger.sqlite3"))
            }
            None => LedgerChoice::Memory,
        }
    }

    fn logo(&mut self) -> Option<Logo> {
        let text = self.text("MCPO_LOGO")?;
        match Logo::read(text.as_ref()) {
            Ok(logo) => Some(logo),
            Err(error @ (LogoError::Read(_) | LogoError::TooLarge | LogoError::Type)) => {
                let allowed = "the path of a picture of up to 64 KiB: svg, png, jpg, webp or gif";
                self.wrong("MCPO_LOGO", Some(text), error.to_string(), allowed);
                None
            }
        }
    }

    fn allowed_origins(&mut self) -> Vec<String> {
        let Some(text) = self.text("MCPO_ALLOWED_ORIGINS") else {
            return DEFAULT_ORIGINS.map(str::to_owned).into();
        };
        let mut origins = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let origin = Url::parse(part).map(|url| url.origin().ascii_serialization());
            match origin {
                Ok(origin) if origin.eq_ignore_ascii_case(part) => origins.push(origin),
                _ => {
                    let problem = "is not an origin";
                    let allowed = "scheme and host, for example https://app.example";
                    self.wrong("MCPO_ALLOWED_ORIGINS", Some(part.into()), problem, allowed);
                }
            }
        }
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| Some((*value).to_owned()))
        };
        Config::from_lookup(&lookup).map_err(|errors| errors.to_string())
    }

    #[test]
    fn the_smallest_environment_that_works() {
        let config = read(&[("MCPO_SECRET", SECRET)]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(
            config.ledger,
            LedgerChoice::Sqlite(".mcpo/ledger.sqlite3".into())
        );
        assert!(matches!(config.login, Login::Nobody));
    }

    #[test]
    fn a_public_url_listens_everywhere() {
        let config = read(&[
            ("MCPO_SECRET", SECRET),
            ("BASE_URL", "https://a.example/"),
            ("PORT", "9000"),
        ]);
        assert_eq!(config.unwrap().listen.to_string(), "0.0.0.0:9000");
    }

    #[test]
    fn every_mistake_is_named_at_once_and_no_secret_shown() {
        let errors = read(&[
            ("MCPO_SECRET", "hunter2"),
            ("BASE_URL", "http://a.example"),
            ("PORT", "70000"),
            ("HOST", "nowhere"),
            ("ADMIN_PASSWORD_HASH", "swordfish"),
            ("MCPO_LEDGER", "postgres"),
            ("MCPO_ALLOWED_ORIGINS", "https://ok.example, claude.ai"),
            ("MCPO_DEV", "maybe"),
        ])
        .unwrap_err();
        for name in [
            "MCPO_SECRET cannot",
            "BASE_URL=\"http://a.example\"",
            "PORT=\"70000\"",
            "HOST=\"nowhere\"",
            "ADMIN_PASSWORD_HASH is not",
            "MCPO_LEDGER=\"postgres\"",
            "MCPO_ALLOWED_ORIGINS=\"claude.ai\"",
            "MCPO_DEV=\"maybe\"",
        ] {
            assert!(errors.contains(name), "{name} in\n{errors}");
        }
        assert!(!errors.contains("hunter2") && !errors.contains("swordfish"));
        assert_eq!(errors.lines().count(), 8);
    }

    #[test]
    fn cloud_run_is_refused_where_it_would_forget_or_stand_open() {
        let bare = [("MCPO_SECRET", SECRET), ("K_SERVICE", "x")];
        let errors = read(&bare).unwrap_err();
        assert!(errors.contains("BASE_URL is not set"), "{errors}");
        assert!(errors.contains("MCPO_LEDGER is not set"), "{errors}");
        assert!(errors.contains("anyone on the internet"), "{errors}");
        let named = [
            &bare[..],
            &[
                ("MCPO_LEDGER", "memory"),
                ("MCPO_OPEN_TO_ANYONE", "1"),
                ("BASE_URL", "https://a.example"),
            ],
        ]
        .concat();
        assert!(read(&named).is_ok());
    }
}
