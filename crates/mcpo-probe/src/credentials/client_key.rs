//! Client authentication with a key instead of a secret (`private_key_jwt`, RFC 7523 §3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mcpo_common::secret::Secret;
use ring::{
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::credentials::now;

/// Lifetime of an assertion in seconds: long enough for one request.
const LIFETIME: u64 = 60;

/// A key for ES256, as PKCS#8.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct ClientKey(Secret);

impl ClientKey {
    /// Creates a new key.
    pub fn generate() -> Result<Self, Unspecified> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
        Ok(Self::encode(pkcs8.as_ref()))
    }

    /// Reads an existing key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyRejected> {
        let random = SystemRandom::new();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random)?;
        Ok(Self::encode(der))
    }

    fn encode(der: &[u8]) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(der)))
    }

    fn pair(&self) -> Result<EcdsaKeyPair, Unspecified> {
        let der = URL_SAFE_NO_PAD.decode(self.0.expose());
        let der = der.map_err(|_| Unspecified)?;
        let random = SystemRandom::new();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random)
            .map_err(|_| Unspecified)
    }

    /// Returns the public key as a JWK set, for a registration.
    pub fn jwks(&self) -> Result<Value, Unspecified> {
        let pair = self.pair()?;
        // An uncompressed point: the byte 4, then x and y.
        let point = pair.public_key().as_ref().get(1..65).ok_or(Unspecified)?;
        let (x, y) = point.split_at(32);
        let encode = |half: &[u8]| URL_SAFE_NO_PAD.encode(half);
        Ok(json!({"keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "mcpo-probe",
            "x": encode(x), "y": encode(y),
        }]}))
    }

    /// Signs an assertion that authenticates `client` for one request at `issuer`.
    pub fn assertion(&self, client: &str, issuer: &str) -> Result<Secret, Unspecified> {
        let nonce = Secret::random().map_err(|_| Unspecified)?;
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": "mcpo-probe"});
        let claims = json!({
            "iss": client, "sub": client, "aud": issuer, "jti": nonce.expose(),
            "iat": now(), "exp": now() + LIFETIME,
        });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.pair()?.sign(&SystemRandom::new(), signed.as_bytes())?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(Secret::new(format!("{signed}.{signature}")))
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::Value;

    use super::ClientKey;

    #[test]
    fn assertion_is_signed_with_the_registered_key() {
        let key = ClientKey::generate().unwrap();
        let jwks = key.jwks().unwrap();
        let half = |name: &str| {
            let text = jwks["keys"][0][name].as_str().unwrap();
            URL_SAFE_NO_PAD.decode(text).unwrap()
        };
        let point = [vec![4], half("x"), half("y")].concat();
        let assertion = key.assertion("client", "https://issuer").unwrap();
        let (signed, signature) = assertion.expose().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &signature)
            .unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1);
        let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        assert_eq!(claims["aud"], "https://issuer");
        assert_eq!(claims["sub"], "client");
    }

    #[test]
    fn invalid_keys_are_refused_and_keys_are_not_shown() {
        assert!(ClientKey::from_pkcs8(b"no key").is_err());
        let shown = format!("{:?}", ClientKey::generate().unwrap());
        assert!(shown.starts_with("ClientKey(Secret("), "{shown}");
    }
}
