//! Values that must never be printed: passwords, tokens, verifiers.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// A secret; `Debug` shows only its length, and there is no `Display`. It is serializable because
/// kept credentials are stored that way; reports contain no secrets.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns 256 random bits from the system, as base64url text.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns random text of `length` characters.
    pub fn random_of(length: usize) -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; length];
        getrandom::fill(&mut bytes)?;
        let mut text = URL_SAFE_NO_PAD.encode(bytes);
        text.truncate(length);
        Ok(Self(text))
    }

    /// Returns the value; only for the place where it is sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({} characters)", self.0.chars().count())
    }
}
