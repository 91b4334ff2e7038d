//! Proof Key for Code Exchange (RFC 7636).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// A PKCE challenge with S256, the only method that mcpo supports (RFC 7636 §4.2).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Challenge([u8; 32]);

impl Challenge {
    /// Reads the base64url form, which is always 43 characters.
    pub(crate) fn parse(unverified: &str) -> Option<Self> {
        let digest = URL_SAFE_NO_PAD.decode(unverified).ok()?;
        digest.try_into().ok().map(Self)
    }

    /// Returns true if the challenge was made from `unverified_verifier`.
    pub(crate) fn is_met_by(&self, unverified_verifier: &str) -> bool {
        let valid = (43..=128).contains(&unverified_verifier.len())
            && unverified_verifier.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
            });
        let digest: [u8; 32] = Sha256::digest(unverified_verifier).into();
        valid & bool::from(self.0.ct_eq(&digest))
    }
}
