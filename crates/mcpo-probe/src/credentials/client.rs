//! A client as an authorization server knows it.

use mcpo_common::secret::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::ClientKey;
use crate::http::is_loopback;

/// How a client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    None,
    Basic,
    Post,
    /// A signature with the client's own key.
    PrivateKey,
}

impl AuthMethod {
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKey => "private_key_jwt",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::None, Self::Basic, Self::Post, Self::PrivateKey]
            .into_iter()
            .find(|method| method.name() == name)
    }
}

/// Serialized as the method's name in the metadata.
impl Serialize for AuthMethod {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AuthMethod {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom("an unknown method"))
    }
}

/// A client as one authorization server knows it; useless at any other.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RegisteredClient {
    pub id: String,
    pub secret: Option<Secret>,
    pub method: AuthMethod,
    pub redirect_uri: Url,
    /// For `private_key_jwt`.
    #[serde(default)]
    pub key: Option<ClientKey>,
    /// Whether the token endpoint requires the id in the body even if the header contains it.
    #[serde(default)]
    pub repeats_id: bool,
}

impl RegisteredClient {
    /// Returns true if this is the client to use now: registered for the same redirect URI (on
    /// loopback with any port), and with the requested id, if there is one.
    pub fn suits(&self, redirect_uri: &Url, id: Option<&str>) -> bool {
        let mut own = self.redirect_uri.clone();
        if is_loopback(&own) && own.set_port(redirect_uri.port()).is_err() {
            return false;
        }
        own == *redirect_uri && id.is_none_or(|id| id == self.id)
    }

    /// Returns the beginning of the id, which is enough for display: ids may have hundreds of
    /// characters.
    pub fn shown_id(&self) -> String {
        const SHOWN: usize = 32;
        match self.id.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &self.id[..end]),
            None => self.id.clone(),
        }
    }
}
