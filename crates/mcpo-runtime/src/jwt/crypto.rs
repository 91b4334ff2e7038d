//! Signatures are verified by ring, which TLS uses as well: one library for all cryptography.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature,
};
use ring::signature as with_ring;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: nothing_is_signed,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has to come before the first token is looked at. If the program has chosen another provider for
/// itself, that one verifies ours as well.
pub(super) fn choose() {
    let _ = PROVIDER.install_default();
}

/// How a key of each kind is used.
enum Method {
    Rsa(&'static with_ring::RsaParameters),
    Other(&'static dyn with_ring::VerificationAlgorithm),
}

struct RingVerifier {
    algorithm: Algorithm,
    method: Method,
    key: DecodingKey,
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
        // Whoever can check a shared secret can also sign with it.
        _ => return None,
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the library has it")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let method = method(*algorithm).ok_or(ErrorKind::InvalidAlgorithm)?;
    Ok(Box::new(RingVerifier {
        algorithm: *algorithm,
        method,
        key: key.clone(),
    }))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the library has it")]
fn nothing_is_signed(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

impl signature::Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], unverified: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match (&self.method, self.key.kind()) {
            (Method::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                with_ring::RsaPublicKeyComponents { n, e }.verify(parameters, message, unverified)
            }
            (Method::Other(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                with_ring::UnparsedPublicKey::new(*algorithm, key).verify(message, unverified)
            }
            (Method::Rsa(_) | Method::Other(_), _) => return Err(signature::Error::new()),
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
