//! Clients: who they are is sealed into the id they carry.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    clock::Timestamp,
    redirect_uri::RegisteredRedirectUri,
    seal::{KeyRing, OpenError, Purpose, SealError, Sealable},
};

/// How a client proves at the token endpoint who it is (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AuthMethod {
    None,
    SecretBasic,
    SecretPost,
}

impl AuthMethod {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::SecretBasic, Self::SecretPost];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

/// What a client told us about itself when it registered: the content of its client id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) name: String,
    pub(crate) redirect_uris: Vec<RegisteredRedirectUri>,
    pub(crate) auth_method: AuthMethod,
    pub(crate) issued_at: Timestamp,
}

impl Sealable for Registration {
    const PURPOSE: Purpose = Purpose::Client;
}

/// A client that is known to this server, with its id.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) key: ClientKey,
    pub(crate) registration: Registration,
}

/// A short stand-in for a client id, in tokens and logs.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientKey([u8; 16]);

impl ClientKey {
    fn of(client_id: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(client_id).into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Client {
    /// Gives a registration its id.
    pub(crate) fn register(registration: Registration, keys: &KeyRing) -> Result<Self, SealError> {
        let id = keys.seal(&registration)?;
        Ok(Self {
            key: ClientKey::of(&id),
            id,
            registration,
        })
    }

    /// The client that `unverified_id` was given to, on whichever instance, however long ago.
    pub(crate) fn find(unverified_id: &str, keys: &KeyRing) -> Result<Self, OpenError> {
        let registration = keys.open(unverified_id)?;
        Ok(Self {
            key: ClientKey::of(unverified_id),
            id: unverified_id.to_owned(),
            registration,
        })
    }

    /// The secret that goes with the id. It is derived, so nothing stores it.
    pub(crate) fn secret(&self, keys: &KeyRing) -> Option<String> {
        self.secrets(keys).next()
    }

    /// Whether `unverified_secret` is this client's, under any key of the ring.
    pub(crate) fn has_secret(&self, unverified_secret: &str, keys: &KeyRing) -> bool {
        self.secrets(keys).fold(false, |found, secret| {
            found | bool::from(secret.as_bytes().ct_eq(unverified_secret.as_bytes()))
        })
    }

    fn secrets(&self, keys: &KeyRing) -> impl Iterator<Item = String> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let parts = [b"client secret".as_slice(), self.id.as_bytes()];
        keys.macs(&parts)
            .map(|mac| format!("mcpo_cs_{}", URL_SAFE_NO_PAD.encode(mac)))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as15_a_secret_is_derived_and_survives_rotation() {
        let old = KeyRing::parse(&"A".repeat(43)).unwrap();
        let new = KeyRing::parse(&format!("{}E,{}", "B".repeat(42), "A".repeat(43))).unwrap();
        let registration = Registration {
            name: "x".into(),
            redirect_uris: vec![],
            auth_method: AuthMethod::SecretPost,
            issued_at: Timestamp(1),
        };
        let client = Client::register(registration, &old).unwrap();
        let secret = client.secret(&old).unwrap();
        let client = Client::find(&client.id, &new).unwrap();
        assert!(client.has_secret(&secret, &new));
        assert!(!client.has_secret("mcpo_cs_x", &new));
        assert!(!client.has_secret("", &new));
    }
}
