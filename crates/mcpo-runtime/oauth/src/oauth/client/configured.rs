//! Owns clients that are named in the configuration: for users who type an id and a secret into
//! their client, and for clients that cannot register.

use std::collections::HashMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    error::{ClientError, expect_no_secret},
    metadata::{AuthMethod, Client, ClientKey, display_name},
};
use crate::oauth::redirect_uri::RegisteredRedirectUri;

/// A client that is known in advance.
#[derive(Clone)]
pub struct ConfiguredClient {
    id: String,
    /// The digest of the secret; `None` for a public client.
    secret: Option<[u8; 32]>,
    name: String,
    redirect_uris: Vec<RegisteredRedirectUri>,
}

impl std::fmt::Debug for ConfiguredClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ConfiguredClient")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why a client cannot be configured. Never contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfiguredClientError(String);

/// The minimum length of a secret, so that it cannot be guessed.
const MIN_SECRET_LEN: usize = 16;

impl ConfiguredClient {
    /// Creates a client with this id, secret (`None` for a public client), name and redirect URIs.
    pub fn new(
        id: &str,
        secret: Option<&str>,
        name: &str,
        redirect_uris: &[&str],
    ) -> Result<Self, ConfiguredClientError> {
        let wrong = |text: String| ConfiguredClientError(format!("client {id:?}: {text}"));
        if id.is_empty() || id.len() > 256 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("the id must be up to 256 visible characters".into()));
        }
        if id.contains("://") || id.starts_with("mcpo_") {
            return Err(wrong(
                "ids that are URLs or begin with mcpo_ are reserved".into(),
            ));
        }
        if secret.is_some_and(|secret| secret.len() < MIN_SECRET_LEN) {
            return Err(wrong(format!(
                "the secret must have at least {MIN_SECRET_LEN} characters"
            )));
        }
        if redirect_uris.is_empty() {
            return Err(wrong("redirect_uris is empty".into()));
        }
        let parse = |uri: &&str| {
            RegisteredRedirectUri::parse(uri).map_err(|error| wrong(format!("{uri:?} {error}")))
        };
        Ok(Self {
            id: id.to_owned(),
            secret: secret.map(|secret| Sha256::digest(secret).into()),
            name: display_name(name),
            redirect_uris: redirect_uris.iter().map(parse).collect::<Result<_, _>>()?,
        })
    }

    /// Checks that the client sent its secret (in either place), or none if it has none. Returns
    /// true if it has a secret.
    pub(super) fn prove(
        &self,
        unverified_secret: Option<&str>,
        method: AuthMethod,
    ) -> Result<bool, ClientError> {
        let Some(digest) = &self.secret else {
            expect_no_secret(unverified_secret, method)?;
            return Ok(false);
        };
        let Some(unverified) = unverified_secret else {
            return Err(ClientError::Method {
                registered: AuthMethod::SecretBasic.as_str(),
                used: method.as_str(),
            });
        };
        let ours: bool = Sha256::digest(unverified).as_slice().ct_eq(digest).into();
        if ours {
            Ok(true)
        } else {
            Err(ClientError::Secret)
        }
    }
}

/// The JSON form, with the field names of RFC 7591.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    client_id: String,
    client_secret: Option<String>,
    #[serde(default)]
    client_name: String,
    redirect_uris: Vec<String>,
}

/// Parses `MCPO_CLIENTS`: a JSON array of clients.
pub(crate) fn parse_configured(json: &str) -> Result<Vec<ConfiguredClient>, ConfiguredClientError> {
    let written: Vec<Written> = serde_json::from_str(json).map_err(|error| {
        // The parser's message may contain a value, and the value may be a secret.
        let (line, column) = (error.line(), error.column());
        ConfiguredClientError(format!("invalid JSON or invalid field at {line}:{column}"))
    })?;
    let read = |client: &Written| {
        let uris: Vec<&str> = client.redirect_uris.iter().map(String::as_str).collect();
        let secret = client.client_secret.as_deref();
        ConfiguredClient::new(&client.client_id, secret, &client.client_name, &uris)
    };
    written.iter().map(read).collect()
}

/// The configured clients, by id.
pub(super) struct ConfiguredClients(HashMap<String, ConfiguredClient>);

impl ConfiguredClients {
    pub(super) fn new(clients: &[ConfiguredClient]) -> Self {
        let by_id = clients.iter().cloned();
        Self(by_id.map(|client| (client.id.clone(), client)).collect())
    }

    pub(super) fn get(&self, unverified_id: &str) -> Option<&ConfiguredClient> {
        self.0.get(unverified_id)
    }

    pub(super) fn find(&self, unverified_id: &str) -> Option<Client> {
        self.get(unverified_id).map(|client| Client {
            key: ClientKey::of(&client.id),
            name: client.name.clone(),
            redirect_uris: client.redirect_uris.clone(),
            vouched_by: None,
            privacy: None,
            is_configured: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_client_lists_are_rejected_without_showing_secrets() {
        let good = r#"[{"client_id":"me","client_secret":"0123456789abcdef",
            "redirect_uris":["https://claude.ai/api/mcp/auth_callback"]}]"#;
        assert_eq!(parse_configured(good).unwrap().len(), 1);
        for (bad, error) in [
            ("{}", "invalid JSON or invalid field at 1:0"),
            (
                r#"[{"client_id":"me","client_secret":"hunter2","redirect_uris":["https://a.example"]}]"#,
                "client \"me\": the secret must have at least 16 characters",
            ),
            (
                r#"[{"client_id":"https://a.example/","redirect_uris":[]}]"#,
                "client \"https://a.example/\": ids that are URLs or begin with mcpo_ are reserved",
            ),
            (
                r#"[{"client_id":"me","redirect_uris":["http://a.example"]}]"#,
                "client \"me\": \"http://a.example\" uses http with a host that is not loopback; \
                 use https, or http with localhost, 127.0.0.1 or [::1]",
            ),
        ] {
            assert_eq!(parse_configured(bad).unwrap_err().to_string(), error);
        }
    }
}
