//! Values that must never be printed, except where a person is to read them once.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::error::{Failure, Outcome};

/// A secret; `Debug` shows nothing of it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub const fn new(value: String) -> Self {
        Self(value)
    }

    /// So many random bytes, as base64url.
    pub fn random(bytes: usize) -> Outcome<Self> {
        let mut random = vec![0; bytes];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(random)))
    }

    /// The value, where it goes onto the wire or is shown on purpose.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
