//! Owns clients that registered themselves (RFC 7591). The server does not store them: the client
//! id is the sealed registration, and the secret is derived from the id.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{
    error::{ClientError, expect_no_secret},
    metadata::{AuthMethod, Client, ClientKey},
};
use crate::{
    base::{
        clock::Timestamp,
        seal::{KeyRing, Purpose, Sealable},
    },
    oauth::{fingerprint::Fingerprint, redirect_uri::RegisteredRedirectUri},
};

/// The metadata that a client sent when it registered, which is the content of its client id.
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

impl Registration {
    /// Opens the registration in a client id from any instance and of any age.
    pub(crate) fn open(unverified_id: &str, keys: &KeyRing) -> Option<Self> {
        keys.open(unverified_id).ok()
    }

    pub(crate) fn into_client(self, id: &str) -> Client {
        Client {
            key: ClientKey::of(id),
            name: self.name,
            redirect_uris: self.redirect_uris,
            vouched_by: None,
            privacy: None,
            is_configured: false,
        }
    }

    /// Returns the secret that is issued with the id, if the client has one.
    pub(crate) fn secret(&self, id: &str, keys: &KeyRing) -> Option<String> {
        match self.auth_method {
            AuthMethod::None => None,
            AuthMethod::SecretBasic | AuthMethod::SecretPost => secrets(id, keys).next(),
        }
    }

    /// Returns true if the client has no secret.
    pub(super) const fn is_public(&self) -> bool {
        matches!(self.auth_method, AuthMethod::None)
    }

    /// Checks that the client sent its secret, in either place, or none if it has none. Returns the
    /// digest of the secret.
    pub(crate) fn prove(
        &self,
        id: &str,
        unverified_secret: Option<&str>,
        method: AuthMethod,
        keys: &KeyRing,
    ) -> Result<Option<Fingerprint>, ClientError> {
        if self.is_public() {
            expect_no_secret(unverified_secret, method)?;
            return Ok(None);
        }
        match unverified_secret {
            None => Err(ClientError::Method {
                registered: self.auth_method.as_str(),
                used: method.as_str(),
            }),
            Some(secret) if is_secret_of(id, secret, keys) => Ok(Some(Fingerprint::of(secret))),
            Some(_) => Err(ClientError::Secret),
        }
    }
}

/// Tries every key of the ring, so that clients keep working after a key rotation.
fn is_secret_of(id: &str, unverified_secret: &str, keys: &KeyRing) -> bool {
    secrets(id, keys).fold(false, |found, secret| {
        found | bool::from(secret.as_bytes().ct_eq(unverified_secret.as_bytes()))
    })
}

fn secrets(id: &str, keys: &KeyRing) -> impl Iterator<Item = String> {
    let parts = [b"client secret".as_slice(), id.as_bytes()];
    let secrets: Vec<_> = keys
        .macs_of_clients(&parts)
        .map(|mac| format!("mcpo_cs_{}", URL_SAFE_NO_PAD.encode(mac)))
        .collect();
    secrets.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seal::test_keys::{KEY, OTHER_KEY};

    #[test]
    fn as15_client_secret_survives_key_rotation() {
        let old = KeyRing::parse(KEY).unwrap();
        let new = KeyRing::parse(&format!("{OTHER_KEY},{KEY}")).unwrap();
        let retired = KeyRing::parse(&format!("{OTHER_KEY},retired:{KEY}")).unwrap();
        let registration = Registration {
            name: "x".into(),
            redirect_uris: vec![],
            auth_method: AuthMethod::SecretPost,
            issued_at: Timestamp(1),
        };
        let id = old.seal(&registration).unwrap();
        let secret = registration.secret(&id, &old).unwrap();
        for ring in [&new, &retired] {
            let found = Registration::open(&id, ring).unwrap();
            for method in [AuthMethod::SecretPost, AuthMethod::SecretBasic] {
                let prove = |secret| found.prove(&id, secret, method, ring);
                assert_eq!(prove(Some(&secret)), Ok(Some(Fingerprint::of(&secret))));
                assert_eq!(prove(Some("mcpo_cs_x")), Err(ClientError::Secret));
                assert_eq!(prove(Some("")), Err(ClientError::Secret));
            }
            assert!(found.prove(&id, None, AuthMethod::None, ring).is_err());
        }
    }

    #[test]
    fn public_client_may_send_only_an_empty_secret() {
        let keys = KeyRing::parse(KEY).unwrap();
        let registration = Registration {
            name: "x".into(),
            redirect_uris: vec![],
            auth_method: AuthMethod::None,
            issued_at: Timestamp(1),
        };
        let prove = |secret, method| registration.prove("id", secret, method, &keys);
        assert_eq!(prove(None, AuthMethod::None), Ok(None));
        assert_eq!(prove(Some(""), AuthMethod::SecretBasic), Ok(None));
        assert!(prove(Some("x"), AuthMethod::SecretBasic).is_err());
    }
}
