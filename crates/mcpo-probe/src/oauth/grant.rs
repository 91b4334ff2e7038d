//! The tokens that a client gets, with the client, server and resource they belong to.

use mcpo_common::secret::Secret;

use super::{resource::Resource, server::AuthorizationServer};
use crate::credentials::{Credentials, RegisteredClient, Scopes, now};

/// The result of a successful authorization.
#[derive(Debug)]
pub struct Grant {
    pub access: Secret,
    /// The requested scopes, or the granted ones if the server named them.
    pub scopes: Scopes,
    pub(super) refresh: Option<Secret>,
    pub(super) expires_at: Option<u64>,
    pub server: AuthorizationServer,
    pub client: RegisteredClient,
    pub resource: Resource,
}

impl Grant {
    /// Restores the grant of an earlier probe at the server that was found now.
    pub fn resumed(kept: &Credentials, reached: &Reached) -> Self {
        Self {
            access: kept.access.clone(),
            scopes: kept.scopes.clone(),
            refresh: kept.refresh.clone(),
            expires_at: kept.expires_at,
            server: reached.server.clone(),
            client: kept.client.clone(),
            resource: reached.resource.clone(),
        }
    }

    /// Returns the credentials to keep for the next probe.
    pub fn credentials(&self, profile: &str) -> Credentials {
        Credentials {
            profile: profile.to_owned(),
            issuer: self.server.issuer.clone(),
            resource: self.resource.identifier.clone(),
            client: self.client.clone(),
            access: self.access.clone(),
            expires_at: self.expires_at,
            refresh: self.refresh.clone(),
            scopes: self.scopes.clone(),
            left_at: now(),
        }
    }
}

/// The resource and the authorization server that a challenge leads to.
#[derive(Debug)]
pub struct Reached {
    pub resource: Resource,
    pub server: AuthorizationServer,
}
