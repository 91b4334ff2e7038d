//! A separate authorization server. This server is then only a resource server and accepts the JSON
//! Web Tokens that the other server issues (RFC 9068).

use std::fmt;

use super::scope::{Scopes, scope_map::ScopeMap};
use crate::{
    base::clock::Timestamp,
    jwt::{Issuer, MetadataKind},
};

/// An authorization server that this server trusts instead of being one.
///
/// It must issue JSON Web Tokens for this server as the audience, signed with its own key (RS, PS,
/// ES or `EdDSA`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationServer {
    issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) scopes: ScopeMap,
    pub(crate) scope_claim: Option<String>,
}

/// The reason why the settings of an authorization server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationServerError {
    /// The issuer is not an https URL. Plain http is accepted only for this machine.
    #[error("is not the https URL of an issuer")]
    Issuer,
    /// The scopes are not a list of pairs.
    #[error("is not a list of THEIRS=OURS")]
    Scopes,
}

impl AuthorizationServer {
    /// Creates settings for this issuer identifier, byte for byte as in the issuer's metadata.
    pub fn new(issuer: impl Into<String>) -> Result<Self, AuthorizationServerError> {
        let issuer = issuer.into();
        Issuer::new(&issuer, MetadataKind::AuthorizationServer)
            .ok_or(AuthorizationServerError::Issuer)?;
        Ok(Self {
            issuer,
            audiences: Vec::new(),
            scopes: ScopeMap::default(),
            scope_claim: None,
        })
    }

    /// Accepts tokens for `audience` instead of tokens for the canonical URL of this server's MCP
    /// endpoint. Call this method several times to accept several audiences.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets the names that scopes have at the authorization server: `THEIRS=OURS` pairs, separated
    /// by spaces or commas. `*` as `THEIRS` matches any valid token, for authorization servers
    /// without scopes for this server.
    pub fn with_scopes(mut self, pairs: &str) -> Result<Self, AuthorizationServerError> {
        self.scopes = ScopeMap::parse(pairs).ok_or(AuthorizationServerError::Scopes)?;
        Ok(self)
    }

    /// Reads scopes only from this claim, such as `permissions` or `roles`, instead of from `scope`
    /// and then `scp`.
    #[must_use]
    pub fn with_scope_claim(mut self, claim: impl Into<String>) -> Self {
        self.scope_claim = Some(claim.into());
        self
    }

    /// Returns the issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// A trusted authorization server with its fetched keys.
#[derive(Debug)]
pub struct ExternalServer {
    pub(crate) settings: AuthorizationServer,
    pub(crate) issuer: Issuer,
}

impl ExternalServer {
    /// Returns `None` if the issuer of the settings is not valid.
    pub(crate) fn new(settings: AuthorizationServer) -> Option<Self> {
        let issuer = Issuer::new(&settings.issuer, MetadataKind::AuthorizationServer)?;
        Some(Self { settings, issuer })
    }

    /// Returns the issuer of the tokens.
    pub fn issuer(&self) -> &str {
        self.issuer.id()
    }

    /// Fetches the metadata when a server starts, so that problems are logged before the first
    /// call.
    pub(crate) async fn check(&self, now: Timestamp) {
        if let Err(error) = self.issuer.metadata(now).await {
            tracing::error!(%error, "the authorization server cannot be used");
        }
    }

    /// Returns the scopes that clients must request from the authorization server to get `ours`.
    pub(crate) fn asked_for(&self, ours: &Scopes) -> Scopes {
        self.settings.scopes.theirs(ours)
    }
}

impl fmt::Display for ExternalServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.issuer())
    }
}
