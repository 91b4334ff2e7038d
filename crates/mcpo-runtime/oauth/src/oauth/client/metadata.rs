//! The metadata of a client, no matter how the client is known.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    net::link_url::LinkUrl,
    oauth::{fingerprint::Fingerprint, redirect_uri::RegisteredRedirectUri},
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

    pub(super) const WITH_SECRET: [Self; 2] = [Self::SecretBasic, Self::SecretPost];

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
    /// The privacy policy that the document names.
    pub(crate) privacy: Option<LinkUrl>,
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

const MAX_NAME_CHARS: usize = 80;
const NO_NAME: &str = "An unnamed client";

/// Returns a client's name in a form that is safe on a page: without line breaks, invisible
/// characters and characters that change the text direction.
pub(crate) fn display_name(unverified: &str) -> String {
    let invisible = |character: char| {
        character.is_control()
            || matches!(character,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
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
    fn display_name_has_no_hidden_characters_and_a_limited_length() {
        assert_eq!(display_name(" Claude\n\u{202e}!\u{200b} "), "Claude!");
        assert_eq!(display_name("\u{feff}"), NO_NAME);
        assert_eq!(display_name(&"x".repeat(500)).len(), MAX_NAME_CHARS);
    }
}
