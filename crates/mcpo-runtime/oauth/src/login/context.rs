//! The state of one browser during a sign-in.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    base::{clock::Timestamp, random},
    net::throttle::Source,
};

/// What a login knows of a browser, and what it needs to send the browser to a provider.
pub struct LoginContext {
    pub(crate) source: Source,
    pub(crate) now: Timestamp,
    pub(crate) authorization: AuthorizationParams,
    pub(crate) wants_another_account: bool,
}

/// The values of one redirect to a provider. They are generated for each redirect and stored in the
/// ledger.
pub(crate) struct AuthorizationParams {
    pub(crate) callback_url: String,
    pub(crate) state: String,
    pub(crate) secrets: LoginSecrets,
}

/// The secret values of a redirect, which only this server knows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginSecrets {
    verifier: [u8; 32],
    nonce: [u8; 32],
}

impl LoginSecrets {
    pub(crate) fn random() -> Result<Self, random::RandomError> {
        Ok(Self {
            verifier: random::bytes()?,
            nonce: random::bytes()?,
        })
    }
}

impl fmt::Debug for LoginSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LoginSecrets(…)")
    }
}

impl fmt::Debug for LoginContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LoginContext")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl LoginContext {
    /// Returns the address of the browser, for rate limits. For IPv6 this is the network (/64).
    #[must_use]
    pub const fn source(&self) -> IpAddr {
        self.source.address()
    }

    /// Returns the current time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the `redirect_uri` for the request to the provider and for the exchange of its code.
    #[must_use]
    pub fn callback_url(&self) -> &str {
        &self.authorization.callback_url
    }

    /// Returns the `state` of the request to the provider. Before calling [`super::Login::resume`],
    /// the runtime checks that the response contains this state, comes from the same browser and
    /// was not used before.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.authorization.state
    }

    /// Returns the PKCE verifier for the exchange with the provider (RFC 7636 §4.1).
    #[must_use]
    pub fn code_verifier(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.authorization.secrets.verifier)
    }

    /// Returns the S256 challenge for the verifier (RFC 7636 §4.2).
    #[must_use]
    pub fn code_challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.code_verifier()))
    }

    /// Returns the nonce that the ID token must contain (OpenID Connect Core §3.1.2.1).
    #[must_use]
    pub fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.authorization.secrets.nonce)
    }

    /// Returns true if the user asked for another account: the provider should show its account
    /// chooser.
    #[must_use]
    pub const fn wants_another_account(&self) -> bool {
        self.wants_another_account
    }
}

/// The fields of a submitted form, or the parameters of a provider's response. All values are
/// unverified.
pub struct LoginInput(pub(crate) BTreeMap<String, String>);

impl LoginInput {
    /// Returns a parameter if it appears once and is not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for LoginInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LoginInput(…)")
    }
}
