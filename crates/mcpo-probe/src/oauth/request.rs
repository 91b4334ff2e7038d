//! The authorization request: PKCE, state, scopes and resource.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mcpo_common::secret::Secret;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::server::AuthorizationServer;
use crate::{
    credentials::{RegisteredClient, Scopes},
    profile::Profile,
};

/// A request, and the values that its response must match.
pub struct AuthorizationRequest {
    pub url: Url,
    pub verifier: Secret,
    pub state: Secret,
}

impl AuthorizationRequest {
    pub fn new(
        server: &AuthorizationServer,
        client: &RegisteredClient,
        resource: Option<&str>,
        scopes: &Scopes,
        profile: &Profile,
    ) -> Result<Self, getrandom::Error> {
        let verifier = Secret::random()?;
        let state = profile
            .state_characters
            .map_or_else(Secret::random, Secret::random_of)?;
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()));
        let mut url = server.authorization.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &client.id)
                .append_pair("redirect_uri", client.redirect_uri.as_str())
                .append_pair("state", state.expose())
                .append_pair("code_challenge", &digest)
                .append_pair("code_challenge_method", "S256");
            if let Some(resource) = resource {
                query.append_pair("resource", resource);
            }
            if !scopes.is_empty() {
                query.append_pair("scope", &scopes.to_string());
                if profile.consents_again && scopes.contains("offline_access") {
                    query.append_pair("prompt", "consent");
                }
            }
        }
        Ok(Self {
            url,
            verifier,
            state,
        })
    }
}
