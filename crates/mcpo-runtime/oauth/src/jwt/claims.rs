//! The claims of a verified token.

use std::time::Duration;

use serde_json::{Map, Value};

use super::token::JwtError;
use crate::base::clock::Timestamp;

/// The allowed difference between clocks.
pub(crate) const SKEW: Duration = Duration::from_secs(60);

/// The claims of a token with a valid signature.
#[derive(Clone, Debug)]
pub(crate) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    /// Creates claims from a userinfo response, which comes from the issuer itself and needs no
    /// signature.
    pub(crate) const fn of_userinfo(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Returns a claim, or `None` if its value is null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns a claim that is a non-empty string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }

    /// Returns a claim that is a list of strings, or one string as a list.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns a claim that is a time, which may have fractions (RFC 7519 §2). Returns an error if
    /// the claim exists but is not a time.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, JwtError> {
        const MAX_SECONDS: f64 = 1e12;
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        match value.as_f64() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is between 0 and a number that fits"
            )]
            Some(seconds) if (0.0..MAX_SECONDS).contains(&seconds) => {
                Ok(Some(Timestamp(seconds as u64)))
            }
            _ => Err(JwtError::Claim(name)),
        }
    }

    /// Checks the issuer and that the token is valid at this time. Returns when the token expires.
    pub(crate) fn check(&self, issuer: &str, now: Timestamp) -> Result<Timestamp, JwtError> {
        if self.text("iss") != Some(issuer) {
            return Err(JwtError::Issuer);
        }
        let expires_at = self.time("exp")?.ok_or(JwtError::Claim("exp"))?;
        if expires_at.plus(SKEW) <= now {
            return Err(JwtError::Expired);
        }
        for name in ["nbf", "iat"] {
            if self
                .time(name)?
                .is_some_and(|begins_at| begins_at > now.plus(SKEW))
            {
                return Err(JwtError::TooEarly);
            }
        }
        Ok(expires_at)
    }

    /// Returns the names in a list of scopes, as a string or an array.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        let texts = self.texts(name);
        texts.iter().flat_map(|text| text.split(' ')).collect()
    }
}
