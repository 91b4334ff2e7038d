//! Verification of signatures with ring, the library that TLS uses as well.
//!
//! jsonwebtoken would verify signatures with a provider that is chosen once per process. A tool
//! that uses jsonwebtoken itself must be able to choose its own. So only the keys and names of
//! jsonwebtoken are used here.

use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature as with_ring;

/// The verification method for each kind of key.
enum Method {
    Rsa(&'static with_ring::RsaParameters),
    Other(&'static dyn with_ring::VerificationAlgorithm),
}

fn method(algorithm: Algorithm) -> Option<Method> {
    Some(match algorithm {
        Algorithm::RS256 => Method::Rsa(&with_ring::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Method::Rsa(&with_ring::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Method::Rsa(&with_ring::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Method::Rsa(&with_ring::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Method::Rsa(&with_ring::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Method::Rsa(&with_ring::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Method::Other(&with_ring::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Method::Other(&with_ring::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Method::Other(&with_ring::ED25519),
        // A shared secret (HMAC) that verifies a token can also sign one.
        _ => return None,
    })
}

/// Returns true if `key` has signed `message` with `algorithm`.
pub(super) fn is_signed(
    algorithm: Algorithm,
    key: &DecodingKey,
    message: &[u8],
    unverified: &[u8],
) -> bool {
    let verified = match (method(algorithm), key.kind()) {
        (Some(Method::Rsa(parameters)), DecodingKeyKind::RsaModulusExponent { n, e }) => {
            with_ring::RsaPublicKeyComponents { n, e }.verify(parameters, message, unverified)
        }
        (Some(Method::Other(algorithm)), DecodingKeyKind::SecretOrDer(key)) => {
            with_ring::UnparsedPublicKey::new(algorithm, key).verify(message, unverified)
        }
        (Some(Method::Rsa(_) | Method::Other(_)) | None, _) => return false,
    };
    verified.is_ok()
}
