//! What a genuine token says.

use std::time::Duration;

use serde_json::{Map, Value};

use super::JwtFault;
use crate::clock::Timestamp;

/// How far clocks may be apart.
pub(crate) const SKEW: Duration = Duration::from_secs(60);

/// The claims of a token whose signature is right.
#[derive(Clone, Debug)]
pub(crate) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    /// What was heard from the issuer itself, which needs no signature.
    pub(crate) const fn of_userinfo(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// A claim; null is none.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text, if it is one and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }

    /// A list of texts, or one text as a list of one.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// A time, which may have fractions (RFC 7519 §2). An error if it is there and is none.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, JwtFault> {
        const FAR: f64 = 1e12;
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        match value.as_f64() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is between 0 and a number that fits"
            )]
            Some(seconds) if (0.0..FAR).contains(&seconds) => Ok(Some(Timestamp(seconds as u64))),
            _ => Err(JwtFault::Claim(name)),
        }
    }

    /// Whether it is of `issuer` and good at this time; when it expires.
    pub(crate) fn check(&self, issuer: &str, now: Timestamp) -> Result<Timestamp, JwtFault> {
        if self.text("iss") != Some(issuer) {
            return Err(JwtFault::Issuer);
        }
        let expires_at = self.time("exp")?.ok_or(JwtFault::Claim("exp"))?;
        if expires_at.plus(SKEW) <= now {
            return Err(JwtFault::Expired);
        }
        for name in ["nbf", "iat"] {
            if self
                .time(name)?
                .is_some_and(|begins_at| begins_at > now.plus(SKEW))
            {
                return Err(JwtFault::TooEarly);
            }
        }
        Ok(expires_at)
    }

    /// The words of a list of scopes, whichever of the usual forms it has.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        let texts = self.texts(name);
        texts.iter().flat_map(|text| text.split(' ')).collect()
    }
}
