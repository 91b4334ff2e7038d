//! Sign-in of one user with a password.

use std::{fmt, sync::Arc};

use argon2::{
    Argon2,
    password_hash::{PasswordVerifier as _, phc::PasswordHash},
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    context::{LoginContext, LoginInput},
    contract::{Identity, Login, LoginFuture, Outcome},
    page::{Field, Page},
};

/// The longest password that is checked, in bytes.
pub(crate) const MAX_PASSWORD_LEN: usize = 1024;
/// The subject of the Python template, so that tools that store the subject keep working.
const SUBJECT: &str = "admin";
const WRONG_PASSWORD: &str = "Wrong password.";

/// Sign-in with a password.
pub(crate) struct Password {
    secret: Arc<Secret>,
}

/// The password, as plain text or as a hash.
#[derive(Clone)]
pub(crate) enum Secret {
    Plain(String),
    /// An argon2id hash as a PHC string.
    Hash(String),
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match *self.secret {
            Secret::Plain(_) => "Plain(…)",
            Secret::Hash(_) => "Hash(…)",
        })
    }
}

impl Password {
    pub(crate) fn new(secret: Secret) -> Self {
        Self {
            secret: Arc::new(secret),
        }
    }

    async fn check(&self, unverified: &str) -> Outcome {
        let (secret, unverified) = (Arc::clone(&self.secret), unverified.to_owned());
        // Hashing is slow by design and must not block other requests.
        let right = tokio::task::spawn_blocking(move || secret.is(&unverified)).await;
        if right.unwrap_or(false) {
            Outcome::Identity(Identity::new(SUBJECT))
        } else {
            Outcome::Page(ask().with_problem(WRONG_PASSWORD))
        }
    }
}

fn ask() -> Page {
    let field = Field::password("password", "Password").with_hint(
        "The owner of this server has set this password. It is not the password of the program \
         that sent you here.",
    );
    Page::new("Sign in")
        .for_only_user(SUBJECT)
        .with_field(field)
}

impl Login for Password {
    fn name(&self) -> &'static str {
        "password"
    }

    fn basis(&self) -> String {
        match &*self.secret {
            Secret::Plain(text) | Secret::Hash(text) => text.clone(),
        }
    }

    fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        Box::pin(async { Outcome::Page(ask()) })
    }

    fn resume<'a>(
        &'a self,
        _context: &'a LoginContext,
        input: &'a LoginInput,
    ) -> LoginFuture<'a, Outcome> {
        Box::pin(self.check(input.get("password").unwrap_or_default()))
    }
}

impl Secret {
    /// Compares in constant time. A hash takes tens of milliseconds by design: call this method
    /// only where blocking is allowed.
    pub(crate) fn is(&self, unverified: &str) -> bool {
        if unverified.len() > MAX_PASSWORD_LEN {
            return false;
        }
        match self {
            // Digests have a fixed length, so the comparison does not reveal the length of the
            // password.
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

    /// Returns true if `phc` is a hash that [`Self::is`] can check.
    pub(crate) fn is_argon2id(phc: &str) -> bool {
        PasswordHash::new(phc).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_hashed_passwords_are_verified() {
        let plain = Secret::Plain("open sesame".into());
        assert!(plain.is("open sesame"));
        assert!(!plain.is("open sesam"));
        assert!(!plain.is(&"x".repeat(MAX_PASSWORD_LEN + 1)));
        let phc = "$argon2id$v=19$m=16,t=2,p=1$c29tZXNhbHRzYWx0$xV5mpHWkq4zxN8YzCiLDpA";
        assert!(Secret::is_argon2id(phc));
        assert!(!Secret::is_argon2id("hunter2"));
        assert!(!Secret::Hash(phc.into()).is("wrong"));
    }
}
