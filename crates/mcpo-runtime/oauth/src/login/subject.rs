//! The signed-in user, as stored in codes, tokens and browser cookies.

use serde::{Deserialize, Serialize};

use super::contract::{Identity, Login};
use crate::{base::seal::KeyRing, store::GrantId};

const VERSION_LEN: usize = 8;

/// The user who signed in, and the settings at that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    #[serde(rename = "subject")]
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// A digest of the login's settings. It changes with a new password, which ends all sessions
    /// and grants of the old one.
    #[serde(rename = "epoch")]
    credential_version: [u8; VERSION_LEN],
    /// The id of the ledger record with the provider's tokens.
    pub(crate) upstream: Option<GrantId>,
}

impl Subject {
    pub(crate) fn new(
        identity: Identity,
        upstream: Option<GrantId>,
        credential_versions: &CredentialVersions,
    ) -> Self {
        Self {
            id: identity.subject,
            name: identity.name,
            credential_version: credential_versions.0.first().copied().unwrap_or_default(),
            upstream,
        }
    }

    /// Returns true if the settings of the login have not changed since the sign-in. Does not ask
    /// the provider.
    pub(crate) fn is_current(&self, credential_versions: &CredentialVersions) -> bool {
        credential_versions.0.contains(&self.credential_version)
    }

    /// Returns the same sign-in with the credential version of the current sealing key, so that the
    /// previous key is no longer needed.
    pub(crate) fn renewed(self, credential_versions: &CredentialVersions) -> Self {
        Self {
            credential_version: credential_versions
                .0
                .first()
                .copied()
                .unwrap_or(self.credential_version),
            ..self
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            subject: self.id.clone(),
            name: self.name.clone(),
            upstream: None,
            allowed_by_name: None,
        }
    }

    /// Returns the name to show for the user.
    pub(crate) fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// Keyed digests of the login's settings, one for each key of the ring. The sealing key's digest is
/// first.
#[derive(Debug)]
pub(crate) struct CredentialVersions(Vec<[u8; VERSION_LEN]>);

impl CredentialVersions {
    pub(crate) fn new(login: &dyn Login, keys: &KeyRing) -> Self {
        let basis = login.basis();
        let parts = [
            b"login epoch".as_slice(),
            login.name().as_bytes(),
            basis.as_bytes(),
        ];
        let shortened = keys.macs(&parts).map(|mac| {
            let mut version = [0; VERSION_LEN];
            version.copy_from_slice(&mac[..VERSION_LEN]);
            version
        });
        Self(shortened.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::{
        anonymous::Anonymous,
        password::{Password, Secret},
    };

    #[test]
    fn subject_is_outdated_after_a_password_change() {
        let keys = KeyRing::parse(crate::base::seal::test_keys::KEY).unwrap();
        let password = |text: &str| {
            let login = Password::new(Secret::Plain(text.into()));
            CredentialVersions::new(&login, &keys)
        };
        let subject = Subject::new(Identity::new("admin"), None, &password("one"));
        assert!(subject.is_current(&password("one")));
        assert!(!subject.is_current(&password("two")));
        assert!(!subject.is_current(&CredentialVersions::new(&Anonymous, &keys)));
    }
}
