//! The signing keys of an issuer (RFC 7517).

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use serde::Deserialize;
use serde_json::Value;

use super::token::{JwtError, JwtHeader};

/// The largest number of keys that are read. Issuers have few keys, and more would slow down the
/// search.
const MAX_KEYS: usize = 64;

/// The usable keys of a key set.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    public: DecodingKey,
}

#[derive(Deserialize)]
pub(crate) struct KeySetDocument {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads the keys that are usable here and skips the others, which must not make the set
    /// unusable (RFC 7517 §5).
    pub(crate) fn read(document: KeySetDocument) -> Self {
        let keys = document.keys.into_iter().take(MAX_KEYS);
        Self(keys.filter_map(|key| Key::read(&key)).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the key that the token's header selects, if there is only one.
    pub(super) fn find(&self, head: &JwtHeader) -> Result<&DecodingKey, JwtError> {
        let mut fitting = self.0.iter().filter(|key| key.fits(head));
        match (fitting.next(), fitting.next()) {
            (None, _) => Err(JwtError::UnknownKey),
            (Some(only), None) => Ok(&only.public),
            (Some(_), Some(_)) => Err(JwtError::AmbiguousMessage),
        }
    }
}

impl Key {
    fn read(value: &Value) -> Option<Self> {
        let purpose = value.get("use").and_then(Value::as_str);
        if purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let operations = value.get("key_ops").and_then(Value::as_array);
        if operations.is_some_and(|all| !all.iter().any(|operation| operation == "verify")) {
            return None;
        }
        let algorithm = match value.get("alg") {
            None => None,
            Some(name) => Some(name.as_str()?.parse().ok()?),
        };
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        let public = DecodingKey::from_jwk(&jwk).ok()?;
        let by_kind = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => None,
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => Some(Algorithm::ES256),
                EllipticCurve::P384 => Some(Algorithm::ES384),
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                Some(Algorithm::EdDSA)
            }
            _ => return None,
        };
        if by_kind.is_some() && algorithm.is_some() && by_kind != algorithm {
            return None;
        }
        Some(Self {
            id: jwk.common.key_id,
            algorithm: algorithm.or(by_kind),
            public,
        })
    }

    /// Returns true if the key may be used for the token. An RSA key, for example, is used only
    /// with RSA algorithms.
    fn fits(&self, head: &JwtHeader) -> bool {
        self.public.family().algorithms().contains(&head.algorithm)
            && self
                .algorithm
                .is_none_or(|algorithm| algorithm == head.algorithm)
            && (head.key_id.is_none() || self.id == head.key_id)
    }
}
