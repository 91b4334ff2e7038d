//! The tokens that a provider issues.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// The longest total of access token, refresh token and note that is stored, in bytes.
pub(crate) const MAX_LEN: usize = 10 * 1024;

/// The tokens of one sign-in at a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamTokens {
    access_token: String,
    refresh_token: Option<String>,
    lifetime: Option<Duration>,
    note: Option<String>,
}

/// The form in which a sealed record contains the tokens. The public type cannot be serialized, so
/// that no login writes them somewhere by accident.
#[derive(Serialize, Deserialize)]
#[serde(remote = "UpstreamTokens")]
pub(crate) struct StoredTokens {
    access_token: String,
    refresh_token: Option<String>,
    lifetime: Option<Duration>,
    note: Option<String>,
}

impl fmt::Debug for UpstreamTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UpstreamTokens")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

impl UpstreamTokens {
    /// Creates tokens from an access token that does not expire.
    #[must_use]
    pub fn new(access_token: impl Into<String>) -> Self {
        Self {
            access_token: access_token.into(),
            refresh_token: None,
            lifetime: None,
            note: None,
        }
    }

    /// Adds the refresh token that renews these tokens.
    #[must_use]
    pub fn with_refresh_token(mut self, refresh_token: impl Into<String>) -> Self {
        self.refresh_token = Some(refresh_token.into());
        self
    }

    /// Sets how long the access token is valid, from now on.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Adds a note for the login, which is stored with the tokens.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Returns the access token.
    #[must_use]
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Returns the refresh token.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_deref()
    }

    /// Returns the note.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    pub(crate) const fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Returns `next` as the replacement of `self`. A provider that sends no new refresh token
    /// expects the old one to be used again (RFC 6749 §6).
    pub(crate) fn replaced_by(&self, mut next: Self) -> Self {
        next.refresh_token = next.refresh_token.or_else(|| self.refresh_token.clone());
        next.note = next.note.or_else(|| self.note.clone());
        next
    }

    pub(crate) fn len(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.access_token.len() + optional(&self.refresh_token) + optional(&self.note)
    }
}

/// An access token of the provider, for calls on behalf of the user of the tool.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamToken(String);

impl fmt::Debug for UpstreamToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UpstreamToken(…)")
    }
}

impl UpstreamToken {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the token, for the `Authorization` header of a request to the provider. The token
    /// must not leave the server in any other way.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}
