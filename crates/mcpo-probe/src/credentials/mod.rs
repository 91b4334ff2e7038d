//! The credentials that a client has after a probe; `--reuse` keeps them for the next one.

mod client;
mod client_key;
mod scopes;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcpo_common::secret::Secret;

use serde::{Deserialize, Serialize};

pub use self::{
    client::{AuthMethod, RegisteredClient},
    client_key::ClientKey,
    scopes::Scopes,
};

/// A client and its tokens. They belong to one issuer and are never sent to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// The `--as` value of the imitated client.
    pub profile: String,
    /// The issuer of the client id and the tokens.
    pub issuer: String,
    /// The resource that the tokens are for, as its metadata names it.
    pub resource: Option<String>,
    /// The client that the tokens were issued to.
    pub client: RegisteredClient,
    /// The access token.
    pub access: Secret,
    /// Expiry of the access token, in seconds since 1970; `None` if the server did not send it.
    pub expires_at: Option<u64>,
    /// The refresh token, if the server issued one.
    pub refresh: Option<Secret>,
    /// The scopes that were granted.
    pub scopes: Scopes,
    /// When the probe saved these credentials, in seconds since 1970.
    pub left_at: u64,
}

impl Credentials {
    /// Returns true if the access token should still be valid.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.expires_at.is_none_or(|end| end > now())
    }

    /// Returns the time since the credentials were saved.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_secs(now().saturating_sub(self.left_at))
    }
}

/// Returns `token` with one character in the middle changed, so that it has the usual form but is
/// not valid.
pub fn altered(token: &Secret) -> Secret {
    let token = token.expose();
    let middle = token.chars().count() / 2;
    let change = |(index, character)| match (index == middle, character) {
        (false, other) => other,
        (true, 'A') => 'B',
        (true, _) => 'A',
    };
    Secret::new(token.chars().enumerate().map(change).collect::<String>())
}

/// Returns the current time in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
