//! Reads the configuration from environment variables. All unusable variables are reported
//! together.

mod external;
mod ledger;
mod openid;
mod sign_in;

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use url::Url;

use super::{Config, DEFAULT_ORIGINS, DEFAULT_PORT};
use crate::{
    base_url::BaseUrl,
    client::{ConfiguredClient, parse_configured},
    client_ip::TrustedProxies,
    pages::{Logo, LogoError},
    seal::{KeyRing, KeyRingError},
    tls,
};

const HOSTS: &str = "MCPO_HOSTS";
const TRUSTED_PROXIES: &str = "MCPO_TRUSTED_PROXIES";
const SECRET_HELP: &str = "`mcpo dev` sets it from the project's .env; elsewhere it is 32 random \
     bytes in base64url, and the same for every instance: \
     openssl rand -base64 32 | tr '+/' '-_' | tr -d '='";

/// All mistakes in the environment.
#[derive(Debug, thiserror::Error)]
#[error("{}", Lines(.0))]
pub struct ConfigErrors(Vec<ConfigError>);

/// An environment variable that cannot be used.
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

/// Reads variables with `lookup`, which returns `None` for unset variables and `Some(None)` for
/// values that are not UTF-8.
pub(super) fn read(
    lookup: &dyn Fn(&str) -> Option<Option<String>>,
) -> Result<Config, ConfigErrors> {
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
    let ledger = reader.ledger(on_cloud_run);
    let grants_not_before = reader.grants_not_before();
    let allowed_origins = reader.allowed_origins();
    let is_open_to_anyone = reader.flag("MCPO_OPEN_TO_ANYONE");
    let trusted_proxies = reader.trusted_proxies(on_cloud_run);
    let title = reader.text("MCPO_TITLE");
    let logo = reader.logo();
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
            ledger,
            grants_not_before,
            title,
            logo,
            public_clients,
            implied_scopes: BTreeMap::new(),
            open_listing,
            allowed_origins,
            trusted_proxies,
            is_open_to_anyone,
            under_dev,
        }),
        _ => Err(ConfigErrors(reader.errors)),
    }
}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<Option<String>>,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// Returns the value of a variable. An empty variable counts as unset.
    fn text(&mut self, name: &'static str) -> Option<String> {
        match (self.lookup)(name)? {
            Some(value) => Some(value).filter(|value| !value.is_empty()),
            None => {
                self.wrong(name, None, "is not UTF-8", "write it as plain text");
                None
            }
        }
    }

    /// Reports variables that are set but empty: a secret that was not injected must not turn off
    /// the sign-in.
    fn refuse_empty(&mut self, names: &[&'static str]) {
        for name in names {
            if (self.lookup)(name) == Some(Some(String::new())) {
                let allowed = "give it a value, or leave the variable out";
                self.wrong(name, None, "is set but empty", allowed);
            }
        }
    }

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
                self.wrong(name, value, "is not a boolean", "use 1 or 0");
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
        let Some(value) = self.text(tls::AUTHORITIES) else {
            return;
        };
        if let Err(error) = tls::authorities(&value) {
            let path = Some(value).filter(|value| !tls::is_pem(value));
            let problem = error.to_string();
            self.wrong(tls::AUTHORITIES, path, problem, tls::AUTHORITIES_HELP);
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
mod tests;
