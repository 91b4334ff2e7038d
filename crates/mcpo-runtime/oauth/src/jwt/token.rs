//! Verification of JSON Web Tokens of other issuers (RFC 7519).
//!
//! ring verifies the signatures. This module and its callers check the claims, with the time of this
//! server's clock.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize,
    de::{IntoDeserializer as _, value::Error as UnknownName},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{claims::Claims, crypto::Algorithm, keys::KeySet};

/// The longest token, in bytes. Access tokens with many claims have a few kilobytes.
const MAX_TOKEN_LEN: usize = 16 * 1024;

/// The reason why a token is not accepted. The messages complete the sentence "the token …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwtError {
    #[error("is not a JSON Web Token")]
    Malformed,
    #[error("is signed by an algorithm that is not accepted ({0})")]
    Algorithm(String),
    #[error("has an extension that is not understood (crit)")]
    Critical,
    #[error("has the wrong type ({0})")]
    Type(String),
    #[error("is signed with a key that its issuer does not have")]
    UnknownKey,
    #[error("does not say which of the issuer's keys it is signed with")]
    AmbiguousMessage,
    #[error("has an invalid signature")]
    Signature,
    #[error("is from another issuer (iss)")]
    Issuer,
    #[error("is for the audience {found:?} (aud), accepted is {accepted:?}")]
    Audience {
        /// The audiences of the token, shortened.
        found: Vec<String>,
        accepted: Vec<String>,
    },
    #[error("has expired (exp)")]
    Expired,
    #[error("is not valid yet (nbf, iat)")]
    TooEarly,
    #[error("has no usable claim {0}")]
    Claim(&'static str),
    #[error("belongs to another sign-in ({0})")]
    OtherSignIn(&'static str),
}

impl JwtError {
    /// Creates the error for a token for `found` instead of `accepted`. Text from the token is
    /// shortened.
    pub(crate) fn audience(found: &[&str], accepted: &[&str]) -> Self {
        const MAX_AUDIENCES: usize = 4;
        const MAX_AUDIENCE_CHARS: usize = 100;
        let short = |text: &&str| text.chars().take(MAX_AUDIENCE_CHARS).collect();
        Self::Audience {
            found: found.iter().take(MAX_AUDIENCES).map(short).collect(),
            accepted: accepted.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The fields of the token's header that matter here.
#[derive(Debug)]
pub(crate) struct JwtHeader {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// The `typ`, in lower case and without `application/`.
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize)]
struct UnverifiedHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl JwtHeader {
    /// Reads the fields that are needed to find the key. Keys that a token contains or links to
    /// (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
    pub(super) fn read(token: &str) -> Result<Self, JwtError> {
        if token.len() > MAX_TOKEN_LEN || token.split('.').count() != 3 {
            return Err(JwtError::Malformed);
        }
        let first = token.split('.').next().unwrap_or_default();
        let text = URL_SAFE_NO_PAD
            .decode(first)
            .map_err(|_| JwtError::Malformed)?;
        let head: UnverifiedHeader =
            serde_json::from_slice(&text).map_err(|_| JwtError::Malformed)?;
        if head.crit.is_some() {
            return Err(JwtError::Critical);
        }
        let name = head.alg.as_str().into_deserializer();
        let algorithm = Algorithm::deserialize(name).map_err(|_: UnknownName| {
            let short: String = head.alg.chars().take(16).collect();
            JwtError::Algorithm(short.escape_debug().to_string())
        })?;
        let kind = head.typ.map(|kind| {
            let kind = kind.to_ascii_lowercase();
            kind.strip_prefix("application/")
                .map_or(kind.clone(), str::to_owned)
        });
        Ok(Self {
            algorithm,
            key_id: head.kid,
            kind,
        })
    }
}

impl JwtHeader {
    /// Returns the left half of the digest of another token, as claims such as `at_hash` contain it
    /// (OpenID Connect Core §3.1.3.6).
    pub(crate) fn half_digest(&self, text: &str) -> String {
        let digest = match self.algorithm {
            Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => Sha384::digest(text).to_vec(),
            Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDsa => Sha512::digest(text).to_vec(),
            Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => Sha256::digest(text).to_vec(),
        };
        URL_SAFE_NO_PAD.encode(&digest[..digest.len() / 2])
    }
}

/// Returns the claims of `token`, if one of `keys` has signed it.
pub(super) fn verify(token: &str, head: &JwtHeader, keys: &KeySet) -> Result<Claims, JwtError> {
    let key = keys.find(head)?;
    // The signature covers the text of the other two parts as they were sent (RFC 7515 §5.2).
    let (message, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
    let (_, claims) = message.split_once('.').ok_or(JwtError::Malformed)?;
    let decoded = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| JwtError::Malformed)
    };
    let signature = decoded(signature)?;
    if !key.has_signed(head.algorithm, message.as_bytes(), &signature) {
        return Err(JwtError::Signature);
    }
    let claims = serde_json::from_slice(&decoded(claims)?);
    claims.map(Claims).map_err(|_| JwtError::Malformed)
}
