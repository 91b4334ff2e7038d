//! What a walk leaves in the client's hands, to be kept for the next one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{
    oauth::{AuthMethod, Client, Scopes},
    secret::Secret,
};
use serde::{Deserialize, Serialize};

/// A client and its tokens. They belong to one issuer, and are never shown to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// The `--as` of the client that was imitated.
    pub profile: String,
    /// Who issued all of this.
    pub issuer: String,
    /// What the tokens are for, as the resource's metadata names it.
    pub resource: Option<String>,
    pub client: Client,
    pub access: Secret,
    /// When the access token runs out, in seconds since 1970; `None` if the server did not say.
    pub expires_at: Option<u64>,
    pub refresh: Option<Secret>,
    pub scopes: Scopes,
    /// When they were left, in seconds since 1970.
    pub left_at: u64,
}

impl Credentials {
    /// Whether the access token should be good still.
    pub fn is_fresh(&self) -> bool {
        self.expires_at.is_none_or(|end| end > now())
    }

    /// How long ago they were left.
    pub fn age(&self) -> Duration {
        Duration::from_secs(now().saturating_sub(self.left_at))
    }
}

/// Names of methods, as the metadata spells them.
impl Serialize for AuthMethod {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AuthMethod {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom("an unknown method"))
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
