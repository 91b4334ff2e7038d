//! Who is at the browser?

use std::fmt;

use argon2::{
    Argon2,
    password_hash::{PasswordVerifier as _, phc::PasswordHash},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::seal::KeyRing;

/// The longest password that is looked at, in bytes.
pub(crate) const MAX_PASSWORD_LEN: usize = 1024;

/// Who signed in, and under which settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) subject: String,
    /// Changes with the password, so that a new one ends every session and grant of the old one.
    epoch: [u8; 8],
}

/// How people sign in.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// Nobody is asked; whoever reaches the page is the one user.
    Nobody,
    /// One user with a password.
    Password(Password),
}

/// The password of the one user, in either of its two forms.
#[derive(Clone)]
pub(crate) enum Password {
    Plain(String),
    /// A PHC string of argon2id.
    Hash(String),
}

/// The names that the Python template used, so that tools which store them keep working.
const NOBODY_SUBJECT: &str = "local-user";
const PASSWORD_SUBJECT: &str = "admin";

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain(_) => "Plain(…)",
            Self::Hash(_) => "Hash(…)",
        })
    }
}

impl Login {
    /// The subject that a form's password would sign in.
    pub(crate) const fn account(&self) -> &'static str {
        match self {
            Self::Nobody => NOBODY_SUBJECT,
            Self::Password(_) => PASSWORD_SUBJECT,
        }
    }

    /// The identity of a browser that has not signed in, where none has to.
    pub(crate) fn without_asking(&self, keys: &KeyRing) -> Option<Identity> {
        matches!(self, Self::Nobody).then(|| self.identity(keys))
    }

    pub(crate) fn identity(&self, keys: &KeyRing) -> Identity {
        Identity {
            subject: self.account().to_owned(),
            epoch: self.epochs(keys).next().unwrap_or_default(),
        }
    }

    /// Whether `identity` could sign in today: asked at every use of a session or refresh token.
    pub(crate) fn still_allows(&self, identity: &Identity, keys: &KeyRing) -> bool {
        identity.subject == self.account() && self.epochs(keys).any(|epoch| epoch == identity.epoch)
    }

    /// A keyed fingerprint of the settings, under each key of the ring.
    fn epochs(&self, keys: &KeyRing) -> impl Iterator<Item = [u8; 8]> {
        let settings = match self {
            Self::Nobody => "",
            Self::Password(Password::Plain(text) | Password::Hash(text)) => text,
        };
        let parts = [b"login epoch".as_slice(), settings.as_bytes()];
        let epochs: Vec<_> = keys
            .macs(&parts)
            .map(|mac| {
                let mut epoch = [0; 8];
                epoch.copy_from_slice(&mac[..8]);
                epoch
            })
            .collect();
        epochs.into_iter()
    }
}

impl Password {
    /// Compares in constant time. A hash costs tens of milliseconds by design: call it where
    /// blocking is allowed.
    pub(crate) fn is(&self, unverified: &str) -> bool {
        if unverified.len() > MAX_PASSWORD_LEN {
            return false;
        }
        match self {
            // Digests are of one length, so that the comparison does not tell the password's.
            Self::Plain(password) => Sha256::digest(password)
                .as_slice()
                .ct_eq(Sha256::digest(unverified).as_slice())
                .into(),
            Self::Hash(phc) => PasswordHash::new(phc).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(unverified.as_bytes(), &hash)
                    .is_ok()
            }),
        }
    }

    /// Whether `phc` is a hash that [`Self::is`] can check.
    pub(crate) fn is_argon2id(phc: &str) -> bool {
        PasswordHash::new(phc).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_password_ends_what_the_old_one_opened() {
        let keys = KeyRing::parse(&"A".repeat(43)).unwrap();
        let login = |password: &str| Login::Password(Password::Plain(password.into()));
        let identity = login("one").identity(&keys);
        assert!(login("one").still_allows(&identity, &keys));
        assert!(!login("two").still_allows(&identity, &keys));
        assert!(!Login::Nobody.still_allows(&identity, &keys));
    }

    #[test]
    fn both_forms_of_password() {
        let plain = Password::Plain("open sesame".into());
        assert!(plain.is("open sesame"));
        assert!(!plain.is("open sesam"));
        assert!(!plain.is(&"x".repeat(MAX_PASSWORD_LEN + 1)));
        let phc = "$argon2id$v=19$m=16,t=2,p=1$c29tZXNhbHRzYWx0$xV5mpHWkq4zxN8YzCiLDpA";
        assert!(Password::is_argon2id(phc));
        assert!(!Password::is_argon2id("hunter2"));
        assert!(!Password::Hash(phc.into()).is("wrong"));
    }
}
