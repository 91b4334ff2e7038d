//! The tokens that a client gets, with the client, server and resource they belong to.

use mcpo_common::secret::Secret;

use super::{resource::Resource, server::AuthorizationServer, token};
use crate::{
    credentials::{Credentials, RegisteredClient, Scopes, altered, now},
    http::{Answer, HttpClient, RequestError},
};

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

    /// Returns the tokens and the secret of the client.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let tokens = std::iter::once(&self.access).chain(&self.refresh);
        tokens.chain(&self.client.secret)
    }

    /// Sends an invalid refresh token, formed like that of this grant. Returns `None` if no refresh
    /// token was issued.
    pub async fn refresh_altered(&self, http: &HttpClient) -> Option<Result<Answer, RequestError>> {
        let refresh = altered(self.refresh.as_ref()?);
        let mut parameters = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
        ];
        parameters.extend(self.resource.parameter());
        Some(token::send(http, &self.server, &self.client, parameters).await)
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
