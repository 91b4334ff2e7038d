//! Parses the address of Redis, with the credentials for it.

use std::{fmt, net::IpAddr, sync::Arc};

use redis::RedisConnectionInfo;
use rustls::ClientConfig;
use url::Url;

use crate::net::tls;

const DEFAULT_PORT: u16 = 6379;

/// The address of Redis or Valkey: `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, or with TLS
/// `rediss://`. Its text form omits the password.
#[derive(Clone)]
pub struct RedisAddress {
    pub(super) node: Node,
    pub(super) tls: Option<Arc<ClientConfig>>,
    user: Option<String>,
    password: Option<String>,
    database: u16,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    /// A host name or an IP address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a text is not an address of Redis.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisAddressError {
    /// The text does not have the form that [`RedisAddress`] describes.
    #[error("it must have the form redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]")]
    Form,
    /// The certificates are not PEM, or there are none.
    #[error("its certificate authorities are not certificates in PEM")]
    Authorities,
    /// Certificate authorities are given for a connection without TLS.
    #[error("certificate authorities require rediss://")]
    NoTls,
    /// TLS cannot be set up.
    #[error("{0}")]
    Tls(Box<crate::base::error::Error>),
}

impl RedisAddress {
    /// Parses an address. With TLS, the certificate of the server must come from a public authority
    /// or, if `authorities` (certificates in PEM) are given, from one of those.
    pub fn parse(text: &str, authorities: Option<&[u8]>) -> Result<Self, RedisAddressError> {
        let url = Url::parse(text).map_err(|_| RedisAddressError::Form)?;
        let with_tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(RedisAddressError::Form),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(RedisAddressError::Form)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // An unknown option must not be ignored: it may be about security.
        if url.query().is_some() || url.fragment().is_some() {
            return Err(RedisAddressError::Form);
        }
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            number => number.parse().map_err(|_| RedisAddressError::Form)?,
        };
        let tls = match (with_tls, authorities) {
            (true, authorities) => Some(tls_config(authorities)?),
            (false, Some(_)) => return Err(RedisAddressError::NoTls),
            (false, None) => None,
        };
        Ok(Self {
            node: Node {
                host: host.to_owned(),
                port: url.port().unwrap_or(DEFAULT_PORT),
            },
            tls,
            user: Some(decoded(url.username())?).filter(|user| !user.is_empty()),
            password: url.password().map(decoded).transpose()?,
            database,
        })
    }

    /// Returns true if the network cannot read the connection: it uses TLS or stays on this
    /// machine.
    pub(crate) fn is_protected(&self) -> bool {
        let host = &*self.node.host;
        let is_loopback = host
            .parse::<IpAddr>()
            .map_or(host == "localhost", |address| {
                address.to_canonical().is_loopback()
            });
        self.tls.is_some() || is_loopback
    }

    /// Returns the settings for the start of each connection, with the credentials.
    pub(super) fn introduction(&self) -> RedisConnectionInfo {
        let mut introduction = RedisConnectionInfo::default()
            .set_db(self.database.into())
            .set_skip_set_lib_name();
        if let Some(user) = &self.user {
            introduction = introduction.set_username(user);
        }
        if let Some(password) = &self.password {
            introduction = introduction.set_password(password);
        }
        introduction
    }
}

fn tls_config(authorities: Option<&[u8]>) -> Result<Arc<ClientConfig>, RedisAddressError> {
    let roots = authorities.map(tls::authorities_in).transpose();
    let roots = roots.map_err(|_| RedisAddressError::Authorities)?;
    let config = tls::client_config(roots);
    config
        .map(Arc::new)
        .map_err(|error| RedisAddressError::Tls(Box::new(error)))
}

fn decoded(part: &str) -> Result<String, RedisAddressError> {
    // The available decoder reads `+` as a space, which is right only for forms.
    let escaped = format!("={}", part.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(escaped.as_bytes());
    let (_, value) = pairs.next().ok_or(RedisAddressError::Form)?;
    if value.contains(char::REPLACEMENT_CHARACTER) || part.contains('&') {
        return Err(RedisAddressError::Form);
    }
    Ok(value.into_owned())
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() {
            "rediss"
        } else {
            "redis"
        };
        write!(formatter, "{scheme}://{}/{}", self.node, self.database)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

impl PartialEq for RedisAddress {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
            && self.tls.is_some() == other.tls.is_some()
            && self.user == other.user
            && self.password == other.password
            && self.database == other.database
    }
}

impl Eq for RedisAddress {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        let address = RedisAddress::parse(text, None).ok()?;
        Some(address.to_string())
    }

    #[test]
    fn redis_urls_are_parsed_and_validated() {
        let same = [
            ("redis://cache", "redis://cache:6379/0"),
            ("valkey://127.0.0.1:7000/3", "redis://127.0.0.1:7000/3"),
            ("rediss://[::1]:7000/", "rediss://[::1]:7000/0"),
            ("rediss://me:secret@cache", "rediss://cache:6379/0"),
        ];
        for (text, expected) in same {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
        for bad in [
            "",
            "redis:",
            "redis://",
            "http://cache",
            "redis://cache/x",
            "redis://cache/1/2",
            "redis://cache:99999",
            "rediss://cache#insecure",
            "redis://cache?protocol=resp3",
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_tls_and_loopback_connections_are_protected() {
        let is_protected = |text| RedisAddress::parse(text, None).unwrap().is_protected();
        for protected in [
            "redis://localhost",
            "redis://127.3.2.1",
            "redis://[::1]",
            "rediss://cache",
        ] {
            assert!(is_protected(protected), "{protected}");
        }
        for open in [
            "redis://cache",
            "redis://10.0.0.3",
            "redis://localhost.example",
            "redis://[fd00::1]",
        ] {
            assert!(!is_protected(open), "{open}");
        }
    }

    #[test]
    fn password_is_decoded_and_never_shown() {
        let address = RedisAddress::parse("redis://:p%40+ss%2Fword@cache", None).unwrap();
        assert_eq!(address.password.as_deref(), Some("p@+ss/word"));
        assert_eq!(address.user, None);
        assert!(!format!("{address} {address:?}").contains("ss"));
    }

    #[test]
    fn certificate_authorities_require_tls_and_must_be_valid() {
        let parse = |text, pem: &str| RedisAddress::parse(text, Some(pem.as_bytes()));
        assert!(matches!(
            parse("redis://cache", "x"),
            Err(RedisAddressError::NoTls)
        ));
        assert!(matches!(
            parse("rediss://cache", "x"),
            Err(RedisAddressError::Authorities)
        ));
    }
}
