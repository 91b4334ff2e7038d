//! The signing keys of an issuer (RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::{
    crypto::{Algorithm, PublicKey},
    token::{JwtError, JwtHeader},
};

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
    public: PublicKey,
}

/// A key as an issuer publishes it (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<Algorithm>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
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
        Self(keys.filter_map(Key::read).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the key that the token's header selects, if there is only one.
    pub(super) fn find(&self, head: &JwtHeader) -> Result<&PublicKey, JwtError> {
        let mut fitting = self.0.iter().filter(|key| key.fits(head));
        match (fitting.next(), fitting.next()) {
            (None, _) => Err(JwtError::UnknownKey),
            (Some(only), None) => Ok(&only.public),
            (Some(_), Some(_)) => Err(JwtError::AmbiguousMessage),
        }
    }
}

impl Jwk {
    /// Returns the public key, or `None` if it is of a kind that is not accepted.
    fn public_key(&self) -> Option<PublicKey> {
        Some(match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => PublicKey::Rsa {
                modulus: decoded(self.n.as_ref())?,
                exponent: decoded(self.e.as_ref())?,
            },
            ("EC", Some("P-256")) => PublicKey::P256(self.point(32)?),
            ("EC", Some("P-384")) => PublicKey::P384(self.point(48)?),
            ("OKP", Some("Ed25519")) => {
                let key = decoded(self.x.as_ref())?;
                (key.len() == 32).then_some(PublicKey::Ed25519(key))?
            }
            _ => return None,
        })
    }

    /// Returns the uncompressed point of a curve whose coordinates have `len` bytes
    /// (SEC 1 §2.3.3).
    fn point(&self, len: usize) -> Option<Vec<u8>> {
        const UNCOMPRESSED: u8 = 4;
        let (x, y) = (decoded(self.x.as_ref())?, decoded(self.y.as_ref())?);
        let is_whole = x.len() == len && y.len() == len;
        is_whole.then(|| [&[UNCOMPRESSED], &*x, &*y].concat())
    }
}

fn decoded(number: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(number?).ok()
}

impl Key {
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let purpose = jwk.purpose.as_deref();
        let operations = jwk.key_ops.as_ref();
        let verifies = |all: &Vec<String>| all.iter().any(|operation| operation == "verify");
        if purpose.is_some_and(|purpose| purpose != "sig")
            || operations.is_some_and(|all| !verifies(all))
        {
            return None;
        }
        let public = jwk.public_key()?;
        if jwk.alg.is_some_and(|algorithm| !public.allows(algorithm)) {
            return None;
        }
        Some(Self {
            id: jwk.kid,
            algorithm: jwk.alg,
            public,
        })
    }

    /// Returns true if the key may be used for the token. An RSA key, for example, is used only
    /// with RSA algorithms.
    fn fits(&self, head: &JwtHeader) -> bool {
        self.public.allows(head.algorithm)
            && self
                .algorithm
                .is_none_or(|algorithm| algorithm == head.algorithm)
            && (head.key_id.is_none() || self.id == head.key_id)
    }
}
