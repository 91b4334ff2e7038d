//! What a client holds when it was let in.

use super::{
    registration::Client, resource::Resource, scopes::Scopes, server::AuthorizationServer,
};
use crate::walk::{
    credentials::{Credentials, now},
    secret::Secret,
};

/// What a successful authorization leaves in the client's hands.
#[derive(Debug)]
pub struct Grant {
    pub access: Secret,
    /// What was asked for, or granted if the server said so.
    pub scopes: Scopes,
    pub(super) refresh: Option<Secret>,
    pub(super) expires_at: Option<u64>,
    pub server: AuthorizationServer,
    pub client: Client,
    pub resource: Resource,
}

impl Grant {
    /// What was left by an earlier walk, at the server that was found now.
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

    /// What is left for the next walk.
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

/// Where a challenge leads.
#[derive(Debug)]
pub struct Reached {
    pub resource: Resource,
    pub server: AuthorizationServer,
}
