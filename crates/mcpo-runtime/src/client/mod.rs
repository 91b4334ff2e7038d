//! Owns the clients: three kinds of client ids, and one type for all of them.
//!
//! A client is named in the configuration, or its id is the URL of a document that describes it
//! (Client ID Metadata Document), or it registered itself and its id is the sealed registration.

mod configured;
mod document;
mod fetch;
mod registration;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::configured::{ConfiguredClient, ConfiguredClientError};
use self::{
    configured::ConfiguredClients,
    document::{DocumentError, DocumentUrl, Documents},
    fetch::Fetcher,
};
pub(crate) use self::{configured::parse_configured, registration::Registration};
use crate::{
    Error,
    clock::Timestamp,
    grant::{Fingerprint, RefreshToken},
    redirect_uri::RegisteredRedirectUri,
    seal::KeyRing,
};

/// The authentication method of a client at the token endpoint (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AuthMethod {
    None,
    SecretBasic,
    SecretPost,
}

impl AuthMethod {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::SecretBasic, Self::SecretPost];

    const WITH_SECRET: [Self; 2] = [Self::SecretBasic, Self::SecretPost];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
        }
    }
}

/// A short replacement for a client id, in tokens and logs.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientKey([u8; 16]);

impl ClientKey {
    pub(crate) fn of(client_id: &str) -> Self {
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

/// A client that may ask a user for permission.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) key: ClientKey,
    pub(crate) name: String,
    pub(crate) redirect_uris: Vec<RegisteredRedirectUri>,
    /// The host that vouches for the name, if the client id is the URL of a document.
    pub(crate) vouched_by: Option<String>,
    /// Whether the owner of this server has configured the client.
    pub(crate) is_configured: bool,
}

/// A client that has authenticated itself at the token endpoint.
#[derive(Clone, Debug)]
pub(crate) struct ProvenClient {
    pub(crate) key: ClientKey,
    pub(crate) id: String,
    pub(crate) has_secret: bool,
    /// The digest of the secret, if the client registered itself with one.
    pub(crate) registered_secret: Option<Fingerprint>,
}

/// Why a client is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("this server does not know the client id")]
    Unknown,
    #[error("the client's document is not usable: {0}")]
    Document(#[from] DocumentError),
    #[error("the client registered with {registered} but used {used}")]
    Method {
        registered: &'static str,
        used: &'static str,
    },
    #[error("the client secret is wrong")]
    Secret,
    #[error("this server accepts only clients with a secret")]
    Public,
}

/// All clients that the server knows, of every kind.
pub(crate) struct Clients {
    configured: ConfiguredClients,
    documents: Documents,
    /// Whether clients without a secret are accepted, in addition to configured ones.
    public: bool,
}

impl Clients {
    pub(crate) fn new(configured: &[ConfiguredClient], public: bool) -> Result<Self, Error> {
        Ok(Self {
            configured: ConfiguredClients::new(configured),
            documents: Documents::new(Fetcher::new())?,
            public,
        })
    }

    /// Returns true if the server reads client metadata documents.
    pub(crate) const fn reads_documents(&self) -> bool {
        self.public
    }

    /// Returns the methods that a client may register with.
    pub(crate) fn methods(&self) -> &'static [AuthMethod] {
        if self.public {
            &AuthMethod::ALL
        } else {
            &AuthMethod::WITH_SECRET
        }
    }

    /// Returns the client with this id, for an authorization request. Fetches its document if
    /// necessary and if `may_fetch` returns true.
    pub(crate) async fn find(
        &self,
        unverified_id: &str,
        keys: &KeyRing,
        now: Timestamp,
        may_fetch: &(dyn Fn() -> bool + Sync),
    ) -> Result<Client, ClientError> {
        if let Some(client) = self.configured.find(unverified_id) {
            return Ok(client);
        }
        if let Some(url) = DocumentUrl::parse(unverified_id)?
            && self.public
        {
            return Ok(self.documents.client(&url, now, may_fetch).await?);
        }
        let registration = self.registration(unverified_id, keys)?;
        Ok(registration.into_client(unverified_id))
    }

    /// Returns the registration in this client id, if such clients are accepted. The setting is
    /// checked here, too, because it may be newer than the registration.
    fn registration(&self, id: &str, keys: &KeyRing) -> Result<Registration, ClientError> {
        let registration = Registration::open(id, keys).ok_or(ClientError::Unknown)?;
        if registration.is_public() && !self.public {
            return Err(ClientError::Public);
        }
        Ok(registration)
    }

    /// Authenticates the client with this id, for a token request.
    ///
    /// Documents are not fetched here: their clients are public, and the code or the refresh token
    /// binds this request to the previous one.
    pub(crate) fn prove(
        &self,
        unverified_id: &str,
        unverified_secret: Option<&str>,
        method: AuthMethod,
        keys: &KeyRing,
    ) -> Result<ProvenClient, ClientError> {
        let mut registered_secret = None;
        let has_secret = if let Some(client) = self.configured.get(unverified_id) {
            client.prove(unverified_secret, method)?
        } else if self.public && DocumentUrl::parse(unverified_id)?.is_some() {
            expect_no_secret(unverified_secret, method)?;
            false
        } else {
            let registration = self.registration(unverified_id, keys)?;
            registered_secret =
                registration.prove(unverified_id, unverified_secret, method, keys)?;
            registered_secret.is_some()
        };
        Ok(ProvenClient {
            key: ClientKey::of(unverified_id),
            id: unverified_id.to_owned(),
            has_secret,
            registered_secret,
        })
    }

    /// Authenticates a client that registered itself and whose id can no longer be opened, because
    /// its key was removed from the ring. The proof is a refresh token that was issued to the
    /// client.
    pub(crate) fn prove_by_token(
        &self,
        unverified_id: &str,
        unverified_secret: Option<&str>,
        method: AuthMethod,
        token: &RefreshToken,
        keys: &KeyRing,
    ) -> Result<ProvenClient, ClientError> {
        // Tokens from earlier versions do not say whether their client has a secret.
        let says_all = token.granted_at.is_some();
        let key = ClientKey::of(unverified_id);
        if !keys.lacks_key_of::<Registration>(unverified_id)
            || token.grant.client != key
            || !says_all
        {
            return Err(ClientError::Unknown);
        }
        match (token.client_secret, unverified_secret) {
            (Some(digest), Some(secret)) if digest.is_of(secret) => {}
            (Some(_), _) => return Err(ClientError::Secret),
            (None, _) if !self.public => return Err(ClientError::Public),
            (None, secret) => expect_no_secret(secret, method)?,
        }
        Ok(ProvenClient {
            key,
            id: unverified_id.to_owned(),
            has_secret: token.client_secret.is_some(),
            registered_secret: token.client_secret,
        })
    }
}

/// Accepts an empty secret, which some clients without a secret send.
fn expect_no_secret(unverified_secret: Option<&str>, used: AuthMethod) -> Result<(), ClientError> {
    if unverified_secret.is_none_or(str::is_empty) {
        return Ok(());
    }
    Err(ClientError::Method {
        registered: AuthMethod::None.as_str(),
        used: used.as_str(),
    })
}

const MAX_NAME_CHARS: usize = 80;
const NO_NAME: &str = "An unnamed client";

/// Returns a client's name in a form that is safe on a page: without line breaks, invisible
/// characters and characters that change the text direction.
pub(crate) fn display_name(unverified: &str) -> String {
    let invisible = |character: char| {
        character.is_control()
            || matches!(character,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}')
    };
    let name: String = unverified
        .trim()
        .chars()
        .filter(|character| !invisible(*character))
        .take(MAX_NAME_CHARS)
        .collect();
    if name.is_empty() {
        NO_NAME.to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_play_tricks() {
        assert_eq!(display_name(" Claude\n\u{202e}!\u{200b} "), "Claude!");
        assert_eq!(display_name("\u{feff}"), NO_NAME);
        assert_eq!(display_name(&"x".repeat(500)).len(), MAX_NAME_CHARS);
    }
}
