//! Variables for the storage of the ledger.

use std::path::PathBuf;

use url::Url;

use super::reader::Reader;
use crate::{
    base::clock::{CLOCK_TOLERANCE, Clock as _, SystemClock, Timestamp},
    config::StoreChoice,
    store::{BucketName, Endpoints, RecordPrefix},
};

/// The storages that this build supports, and those that need another feature.
const ALLOWED: &str = match (cfg!(feature = "sqlite"), cfg!(feature = "redis")) {
    (true, true) => "gs://BUCKET, redis://HOST, sqlite:PATH or memory",
    (true, false) => {
        "gs://BUCKET, sqlite:PATH or memory; redis://HOST needs mcpo-runtime's feature redis"
    }
    (false, true) => {
        "gs://BUCKET, redis://HOST or memory; sqlite:PATH needs mcpo-runtime's feature sqlite"
    }
    (false, false) => {
        "gs://BUCKET or memory; redis://HOST and sqlite:PATH need mcpo-runtime's features redis \
         and sqlite"
    }
};
const REDIS: [&str; 4] = ["redis://", "rediss://", "valkey://", "valkeys://"];

impl Reader<'_> {
    pub(super) fn store(&mut self, on_cloud_run: bool) -> StoreChoice {
        let state = self.text("MCPO_STATE_DIR").unwrap_or(".mcpo".into());
        match self.text("MCPO_LEDGER") {
            Some(text) if text == "memory" => StoreChoice::Memory,
            Some(text) if text.starts_with("gs://") => self.bucket(&text),
            Some(text) if REDIS.iter().any(|scheme| text.starts_with(scheme)) => self.redis(&text),
            Some(text) => match text.strip_prefix("sqlite:") {
                Some(path) if cfg!(feature = "sqlite") && !path.is_empty() => {
                    StoreChoice::Sqlite(path.into())
                }
                _ => {
                    let problem = "is not a ledger that this build supports";
                    // A value with `@` may be an address that contains a password.
                    let value = Some(text).filter(|text| !text.contains('@'));
                    self.wrong("MCPO_LEDGER", value, problem, ALLOWED);
                    StoreChoice::Memory
                }
            },
            None if on_cloud_run => {
                let problem = "is not set, and Cloud Run instances do not keep their files";
                let allowed = "gs://BUCKET, sqlite:PATH on a persistent volume, or memory if all \
                               users may have to sign in again after each restart";
                self.wrong("MCPO_LEDGER", None, problem, allowed);
                StoreChoice::Memory
            }
            None if cfg!(feature = "sqlite") => {
                StoreChoice::Sqlite(PathBuf::from(state).join("ledger.sqlite3"))
            }
            None => StoreChoice::Memory,
        }
    }

    pub(super) fn record_prefix(&mut self, store: &StoreChoice) -> RecordPrefix {
        const NAME: &str = "MCPO_LEDGER_PREFIX";
        let Some(text) = self.text(NAME) else {
            return RecordPrefix::default();
        };
        // Servers that share a file would share its records, although each was given a prefix.
        if matches!(store, StoreChoice::Sqlite(_)) {
            let allowed = "another path in MCPO_LEDGER=sqlite:PATH";
            self.wrong(NAME, Some(text), "has no effect with SQLite", allowed);
            return RecordPrefix::default();
        }
        RecordPrefix::parse(&text).unwrap_or_else(|| {
            let allowed = "1 to 200 letters, digits, `-`, `_` and `.`, with no dot first";
            self.wrong(NAME, Some(text), "is not a prefix", allowed);
            RecordPrefix::default()
        })
    }

    pub(super) fn grants_not_before(&mut self) -> Option<Timestamp> {
        const NAME: &str = "MCPO_GRANTS_NOT_BEFORE";
        const ALLOWED: &str = "a past time with its zone, for example 2026-11-28T12:00:00Z";
        let text = self.text(NAME)?;
        let parsed = chrono::DateTime::parse_from_rfc3339(&text).ok();
        let seconds = parsed.and_then(|time| u64::try_from(time.timestamp()).ok());
        let Some(moment) = seconds.map(Timestamp) else {
            self.wrong(NAME, Some(text), "is not a time in RFC 3339", ALLOWED);
            return None;
        };
        // With a time in the future, no user could sign in.
        if moment > SystemClock.now().plus(CLOCK_TOLERANCE) {
            self.wrong(NAME, Some(text), "is in the future", ALLOWED);
            return None;
        }
        Some(moment)
    }

    /// Reads the bucket. `STORAGE_EMULATOR_HOST` and `GCE_METADATA_HOST` are the variables that
    /// Google's own clients read to use an emulator.
    fn bucket(&mut self, text: &str) -> StoreChoice {
        let emulator = self.host("STORAGE_EMULATOR_HOST");
        let metadata = self.host("GCE_METADATA_HOST");
        let endpoints = Endpoints::new(emulator, metadata);
        let name = text.trim_start_matches("gs://").trim_end_matches('/');
        let Ok(bucket) = BucketName::parse(name) else {
            let problem = "names no bucket";
            let allowed = "gs://BUCKET, without a path";
            self.wrong("MCPO_LEDGER", Some(text.to_owned()), problem, allowed);
            return StoreChoice::Memory;
        };
        StoreChoice::Bucket(bucket, endpoints)
    }

    /// The address may contain a password, so messages never contain the address.
    #[cfg(feature = "redis")]
    fn redis(&mut self, text: &str) -> StoreChoice {
        use crate::{
            net::tls,
            store::{RedisAddress, RedisAddressError},
        };
        let authorities = self.text("MCPO_LEDGER_CA");
        let authorities = authorities.map(|text| {
            if tls::is_pem(&text) {
                return Ok(text.into_bytes());
            }
            std::fs::read(&text).map_err(|error| (text, error))
        });
        let authorities = match authorities.transpose() {
            Ok(authorities) => authorities,
            Err((path, error)) => {
                let problem = format!("cannot be read: {error}");
                self.wrong(
                    "MCPO_LEDGER_CA",
                    Some(path),
                    problem,
                    crate::base::error::AUTHORITIES_HELP,
                );
                return StoreChoice::Memory;
            }
        };
        let is_plaintext_accepted = self.flag("MCPO_LEDGER_PLAINTEXT");
        match RedisAddress::parse(text, authorities.as_deref()) {
            Ok(address) if !address.is_protected() && !is_plaintext_accepted => {
                let problem = "names a Redis on another host without TLS, which would expose the \
                               password and all grants to the network";
                let allowed = "use rediss://, or set MCPO_LEDGER_PLAINTEXT=1 if the network in \
                               between is private";
                self.wrong("MCPO_LEDGER", None, problem, allowed);
                StoreChoice::Memory
            }
            Ok(address) => StoreChoice::Redis(address),
            Err(error) => {
                let (name, allowed) = match error {
                    RedisAddressError::Authorities | RedisAddressError::NoTls => (
                        "MCPO_LEDGER_CA",
                        "the authority of a server with rediss://, in PEM",
                    ),
                    _ => ("MCPO_LEDGER", "for example rediss://:PASSWORD@HOST:6379"),
                };
                self.wrong(name, None, format!("cannot be used: {error}"), allowed);
                StoreChoice::Memory
            }
        }
    }

    #[cfg(not(feature = "redis"))]
    fn redis(&mut self, _text: &str) -> StoreChoice {
        self.wrong(
            "MCPO_LEDGER",
            None,
            "names a Redis, which this build does not support",
            ALLOWED,
        );
        StoreChoice::Memory
    }

    /// Reads `host:port`, or the URL of a server without a path.
    fn host(&mut self, name: &'static str) -> Option<Url> {
        let text = self.text(name)?;
        let full = if text.contains("://") {
            text.clone()
        } else {
            format!("http://{text}")
        };
        let url = Url::parse(&full).ok().filter(|url| {
            url.has_host() && matches!(url.scheme(), "http" | "https") && url.path() == "/"
        });
        if url.is_none() {
            self.wrong(
                name,
                Some(text),
                "is not the address of a server",
                "HOST:PORT",
            );
        }
        url
    }
}
