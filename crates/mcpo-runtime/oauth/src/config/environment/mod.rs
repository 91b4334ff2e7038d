//! Reads the configuration from environment variables. All unusable variables are reported
//! together.

mod brand;
mod external;
mod misspelled;
mod openai;
mod openid;
mod reader;
mod sign_in;
mod store;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use url::Url;

use self::reader::Reader;
use super::settings::{Config, DEFAULT_ORIGINS, DEFAULT_PORT};
use crate::{
    base::{
        error::{AUTHORITIES_HELP, ConfigErrors},
        seal::{KeyRing, KeyRingError},
    },
    net::{client_ip::TrustedProxies, tls},
    oauth::{
        base_url::BaseUrl,
        client::{ConfiguredClient, parse_configured},
    },
};

const HOSTS: &str = "MCPO_HOSTS";
const TRUSTED_PROXIES: &str = "MCPO_TRUSTED_PROXIES";
const SECRET_HELP: &str = "`mcpo dev` sets it from the project's .env; elsewhere it is 32 random \
     bytes in base64, and the same for every instance: openssl rand -base64 32";

/// Reads variables with `lookup`, which returns `None` for unset variables and `Some(None)` for
/// values that are not UTF-8.
fn read(lookup: &dyn Fn(&str) -> Option<Option<String>>) -> Result<Config, ConfigErrors> {
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
    let hosts = reader.hosts(base_url.as_ref());
    let listen = reader.listen(base_url.as_ref(), on_cloud_run);
    let keys = reader.keys();
    reader.authorities();
    reader.refuse_empty(&sign_in::VARIABLES);
    let login = reader.login();
    let authorization_server = reader.authorization_server(login.as_ref());
    let clients = reader.clients();
    let store = reader.store(on_cloud_run);
    let record_prefix = reader.record_prefix(&store);
    let grants_not_before = reader.grants_not_before();
    let allowed_origins = reader.allowed_origins();
    let is_open_to_anyone = reader.flag("MCPO_OPEN_TO_ANYONE");
    let trusted_proxies = reader.trusted_proxies(on_cloud_run);
    let title = reader.text("MCPO_TITLE");
    let brand = reader.brand();
    let openai_challenge = reader.openai_challenge();
    let public_clients = reader.flag_or("MCPO_PUBLIC_CLIENTS", true);
    let open_listing = reader.flag("MCPO_OPEN_LISTING");
    let under_dev = reader.flag("MCPO_DEV");
    match keys {
        Some(keys) if reader.errors.is_empty() => Ok(Config {
            base_url,
            hosts,
            listen,
            keys,
            login,
            clients,
            authorization_server,
            store,
            record_prefix,
            grants_not_before,
            title,
            brand,
            mistakes: Vec::new(),
            openai_challenge,
            public_clients,
            implied_scopes: BTreeMap::new(),
            scope_descriptions: BTreeMap::new(),
            open_listing,
            allowed_origins,
            trusted_proxies,
            is_open_to_anyone,
            under_dev,
        }),
        _ => Err(ConfigErrors(reader.errors)),
    }
}

impl Reader<'_> {
    fn trusted_proxies(&mut self, on_cloud_run: bool) -> TrustedProxies {
        let Some(text) = self.text(TRUSTED_PROXIES) else {
            return if on_cloud_run {
                TrustedProxies::cloud_run()
            } else {
                TrustedProxies::default()
            };
        };
        TrustedProxies::parse(&text).unwrap_or_else(|error| {
            let allowed = "addresses, networks, `loopback` and `cloud-run`, separated by commas";
            self.wrong(TRUSTED_PROXIES, Some(text), error.to_string(), allowed);
            TrustedProxies::default()
        })
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

    /// Reads the other host names of a public server. Patterns and ports are errors.
    fn hosts(&mut self, base_url: Option<&BaseUrl>) -> Vec<BaseUrl> {
        let allowed = "host names, separated by commas, next to a public BASE_URL";
        let Some(text) = self.text(HOSTS) else {
            return Vec::new();
        };
        if base_url.is_none_or(BaseUrl::is_loopback) {
            self.wrong(
                HOSTS,
                Some(text),
                "is set without a public BASE_URL",
                allowed,
            );
            return Vec::new();
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let read = |host: &str| {
            let is_name = host.contains('.') && host.chars().all(plain);
            let url = BaseUrl::parse(&format!("https://{host}")).ok()?;
            (is_name && !url.is_loopback()).then_some(url)
        };
        let hosts = text
            .split(',')
            .map(str::trim)
            .filter(|host| !host.is_empty());
        let read: Option<Vec<_>> = hosts.map(read).collect();
        read.unwrap_or_else(|| {
            self.wrong(
                HOSTS,
                Some(text),
                "has an entry that is not a host name",
                allowed,
            );
            Vec::new()
        })
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
            Err(
                error @ (KeyRingError::Empty | KeyRingError::NotAKey(_) | KeyRingError::Weak(_)),
            ) => {
                let problem = format!("cannot be used: {error}");
                self.wrong("MCPO_SECRET", None, problem, SECRET_HELP);
                None
            }
        }
    }

    /// Checks the certificate authorities. Connections read the variable again when they need it,
    /// including those of logins and tools that do not know this configuration.
    fn authorities(&mut self) {
        let Some(value) = self.text(tls::AUTHORITIES_VARIABLE) else {
            return;
        };
        if let Err(error) = tls::authorities(&value) {
            let path = Some(value).filter(|value| !tls::is_pem(value));
            let problem = error.to_string();
            self.wrong(tls::AUTHORITIES_VARIABLE, path, problem, AUTHORITIES_HELP);
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

impl Config {
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
    /// | `MCPO_AUTHORIZATION_SERVER` | issuer of a trusted authorization server, see [`AuthorizationServer`](crate::oauth::authorization_server::AuthorizationServer) | this server is the authorization server |
    /// | `MCPO_AUDIENCE` | accepted audiences of its tokens, separated by commas | the URL of `/mcp` |
    /// | `MCPO_SCOPE_MAP` | its names of scopes: `THEIRS=OURS` pairs, separated by commas; `*=OURS` for any token | the same names |
    /// | `MCPO_SCOPE_CLAIM` | the claim with the scopes | `scope`, else `scp` |
    /// | `MCPO_CLIENTS` | preconfigured clients: a JSON array with `client_id`, `client_secret`, `client_name`, `redirect_uris` | none |
    /// | `MCPO_LEDGER` | `gs://BUCKET`, `sqlite:PATH`, `memory`, or with the feature `redis` `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]` (with TLS `rediss://`) | `sqlite:$MCPO_STATE_DIR/ledger.sqlite3` |
    /// | `MCPO_LEDGER_CA` | certificate authorities for `rediss://`: certificates in PEM, or a file with them | the public authorities |
    /// | `MCPO_CA` | certificate authorities for outgoing connections, in addition to the public ones: to sign-in providers, an authorization server, and servers that tools call with [`ApiClient`](crate::net::api_client::ApiClient); certificates in PEM, or a file with them. Not used for the ledger, see `MCPO_LEDGER_CA` | the public authorities |
    /// | `MCPO_LEDGER_PLAINTEXT` | `1`: accept a Redis without TLS on another host, for private networks | TLS is required off loopback |
    /// | `MCPO_LEDGER_PREFIX` | the beginning of the names of all records in a bucket or in Redis, so that several servers can share it: 1 to 200 letters, digits, `-`, `_` and `.`, with no dot first | none |
    /// | `MCPO_GRANTS_NOT_BEFORE` | a time like `2026-11-28T12:00:00Z`: ends grants from before it, see [`Config::with_grants_not_before`] | all grants are valid |
    /// | `MCPO_STATE_DIR` | folder for state | `.mcpo` |
    /// | `MCPO_OPEN_LISTING` | `1`: anyone may list the tools | a token is needed |
    /// | `MCPO_TITLE` | name on the pages | the server's name |
    /// | `MCPO_LOGO` | logo on the pages and icon in the browser: an SVG, PNG, JPEG, WebP or GIF of up to 64 KiB, as the path of a file or as a `data:` URL, see [`Config::with_logo`] | the server's icon, if it is a `data:` URL |
    /// | `MCPO_ACCENT_COLOR` | color of buttons and links on the pages: `#rrggbb` | blue |
    /// | `MCPO_PRIVACY_URL` | the privacy policy, which all pages link to: https | none |
    /// | `MCPO_SUPPORT_URL` | the place to get help, which all pages link to: https or `mailto:` | none |
    /// | `MCPO_OPENAI_CHALLENGE` | the token that ChatGPT shows for the verification of the domain, served at `/.well-known/openai-apps-challenge`: printable ASCII, at most 512 characters | 404 |
    /// | `MCPO_PUBLIC_CLIENTS` | `0`: only clients that keep a secret may register | all may |
    /// | `MCPO_ALLOWED_ORIGINS` | browser origins that may call `/mcp`, separated by commas | claude.ai |
    /// | `MCPO_OPEN_TO_ANYONE` | `1`: anyone who reaches the server may use its tools, without a sign-in | – |
    /// | `MCPO_TRUSTED_PROXIES` | the proxies in front of this server, separated by commas: addresses, networks (`10.0.0.0/8`), `loopback`, `cloud-run` | `cloud-run` on Cloud Run, else none |
    ///
    /// A server without a sign-in starts only if it listens on a loopback address and its base URL
    /// is a loopback URL, or with `MCPO_OPEN_TO_ANYONE=1` (see [`Self::open_to_anyone`]). A sign-in
    /// variable that is set but empty is an error.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        misspelled::warn(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
        read(&|name| std::env::var_os(name).map(|value| value.into_string().ok()))
    }
}

#[cfg(test)]
mod tests;
