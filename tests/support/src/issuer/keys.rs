//! Keys on the curve P-256.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

/// A signing key.
pub struct SigningKey {
    id: String,
    pair: EcdsaKeyPair,
    /// Members that replace those of the published key.
    published: Value,
}

impl SigningKey {
    /// Generates a key.
    pub fn new(id: &str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random);
        Self {
            id: id.to_owned(),
            pair: pair.expect("a key"),
            published: json!({}),
        }
    }

    /// Publishes the key with these members changed.
    #[must_use]
    pub fn published_as(mut self, members: Value) -> Self {
        self.published = members;
        self
    }

    /// Signs a token with these claims.
    pub fn sign(&self, head: Value, claims: &Value) -> String {
        let mut whole = json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.id });
        merge(&mut whole, head);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&whole), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes());
        let signature = signature.expect("a signature");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns the public key as a JWK (RFC 7517).
    pub fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let mut jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        });
        merge(&mut jwk, self.published.clone());
        jwk
    }
}

fn merge(into: &mut Value, members: Value) {
    let Value::Object(members) = members else {
        panic!("members of an object")
    };
    for (name, value) in members {
        if value.is_null() {
            into.as_object_mut().expect("an object").remove(&name);
        } else {
            into[name] = value;
        }
    }
}
