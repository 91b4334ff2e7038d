//! Digests of texts that are only compared.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The SHA-256 digest of a text that is only needed for comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Returns true if `unverified` is the text, in constant time.
    pub(crate) fn is_of(&self, unverified: &str) -> bool {
        self.0.ct_eq(&Self::of(unverified).0).into()
    }
}
