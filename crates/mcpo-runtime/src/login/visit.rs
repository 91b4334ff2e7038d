//! One browser on its way through a sign-in.

use std::{fmt, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{clock::Timestamp, params::Params, random, throttle::Source};

/// What a login is told of a browser, and what it needs to send it to a provider.
pub struct Visit {
    pub(crate) source: Source,
    pub(crate) now: Timestamp,
    pub(crate) away: Away,
    pub(crate) wants_another_account: bool,
}

/// What belongs to one trip to a provider. Made anew for each, and remembered by the ledger.
pub(crate) struct Away {
    pub(crate) callback_url: String,
    pub(crate) state: String,
    pub(crate) secrets: Secrets,
}

/// What only this server knows of a trip.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secrets {
    verifier: [u8; 32],
    nonce: [u8; 32],
}

impl Secrets {
    pub(crate) fn random() -> Result<Self, random::RandomError> {
        Ok(Self {
            verifier: random::bytes()?,
            nonce: random::bytes()?,
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Visit")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Visit {
    /// Where the browser is, to slow down whoever guesses; of IPv6 only the network (/64).
    #[must_use]
    pub const fn source(&self) -> IpAddr {
        self.source.address()
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Where the provider has to send the browser: `redirect_uri` of the request to it, and of the
    /// exchange of its code.
    #[must_use]
    pub fn callback_url(&self) -> &str {
        &self.away.callback_url
    }

    /// The `state` of the request to the provider. That the answer carries it, and comes from the
    /// same browser for the first time, is checked before [`super::Login::resume`].
    #[must_use]
    pub fn state(&self) -> &str {
        &self.away.state
    }

    /// The PKCE verifier of the exchange with the provider (RFC 7636 §4.1).
    #[must_use]
    pub fn code_verifier(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.away.secrets.verifier)
    }

    /// The challenge for it, by S256 (§4.2).
    #[must_use]
    pub fn code_challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.code_verifier()))
    }

    /// The nonce that the id token has to have (OpenID Connect Core §3.1.2.1).
    #[must_use]
    pub fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.away.secrets.nonce)
    }

    /// Whether the person asked to sign in as somebody else: the provider should let them choose.
    #[must_use]
    pub const fn wants_another_account(&self) -> bool {
        self.wants_another_account
    }
}

/// What came back: the fields of a form, or the parameters of a provider's answer. All of it is
/// unverified.
pub struct Answer(pub(crate) Params);

impl Answer {
    /// A parameter, if it is there once and is not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Answer(…)")
    }
}
