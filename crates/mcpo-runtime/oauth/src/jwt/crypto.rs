//! Verification of signatures with ring, the library that TLS uses as well.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

/// The signature algorithms that are accepted (RFC 7518 §3.1, RFC 8037 §3.1). Those with a shared
/// secret (HMAC) are not: a secret that verifies a token can also sign one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// A public key.
#[derive(Debug)]
pub(super) enum PublicKey {
    /// The modulus and the exponent, both as big-endian numbers.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point of the curve P-256.
    P256(Vec<u8>),
    /// An uncompressed point of the curve P-384.
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Returns the only algorithm of this key, or `None` for RSA, which has several.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Rsa { .. } => None,
            Self::P256(_) => Some(Algorithm::ES256),
            Self::P384(_) => Some(Algorithm::ES384),
            Self::Ed25519(_) => Some(Algorithm::EdDsa),
        }
    }

    /// Returns true if a signature by this key may use the algorithm.
    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        match self.algorithm() {
            Some(only) => only == algorithm,
            None => rsa_parameters(algorithm).is_some(),
        }
    }

    /// Returns true if this key has signed `message` with `algorithm`.
    pub(super) fn has_signed(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        unverified: &[u8],
    ) -> bool {
        if !self.allows(algorithm) {
            return false;
        }
        let verified = match self {
            Self::Rsa {
                modulus: n,
                exponent: e,
            } => match rsa_parameters(algorithm) {
                Some(parameters) => {
                    RsaPublicKeyComponents { n, e }.verify(parameters, message, unverified)
                }
                None => return false,
            },
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, unverified)
            }
            Self::P384(point) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, unverified)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, unverified),
        };
        verified.is_ok()
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDsa => return None,
    })
}
