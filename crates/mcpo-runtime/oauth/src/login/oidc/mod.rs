//! Sign-in at an OpenID provider: Google, Microsoft, Keycloak, Auth0, or any other (OpenID Connect
//! Core, code flow with PKCE).

mod allow_list;
mod claims;
mod error;
mod id_token;
mod presets;
mod recheck;
mod settings;
mod tokens;

use url::Url;

use self::{claims::UserClaims, presets::Consent, tokens::ProviderTokens};
pub use self::{error::OpenIdError, settings::OpenId};
use super::{
    context::{LoginContext, LoginInput},
    contract::{Identity, Login, LoginError, LoginFuture, Outcome, Provider, Refusal},
};
use super::{
    provider_error::{ProviderError, quoted, refusal},
    upstream_tokens::UpstreamTokens,
};
use crate::jwt::Metadata;

const CALLBACK: &str = "/auth/oidc/callback";

impl OpenId {
    async fn authorization_url(&self, context: &LoginContext) -> Result<Url, ProviderError> {
        let metadata = self.issuer.metadata(self.clock.now()).await?;
        let endpoint = metadata.authorization_endpoint.as_deref();
        let mut url = self
            .issuer
            .endpoint(endpoint.unwrap_or_default(), "authorization_endpoint")?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", context.callback_url())
            .append_pair("scope", &self.scopes.join(" "))
            .append_pair("state", context.state())
            .append_pair("nonce", &context.nonce())
            .append_pair("code_challenge", &context.code_challenge())
            .append_pair("code_challenge_method", "S256");
        for (name, value) in &self.parameters {
            query.append_pair(name, value);
        }
        let prompts = self.prompts(context, &metadata);
        if !prompts.is_empty() {
            query.append_pair("prompt", &prompts.join(" "));
        }
        drop(query);
        Ok(url)
    }

    /// Returns the values of `prompt`: what the provider must ask the user.
    fn prompts(&self, context: &LoginContext, metadata: &Metadata) -> Vec<&'static str> {
        let mut prompts = Vec::new();
        if context.wants_another_account() {
            let known = metadata.prompt_values_supported.as_ref();
            let lets_choose =
                known.is_none_or(|known| known.iter().any(|prompt| prompt == "select_account"));
            prompts.push(if lets_choose {
                "select_account"
            } else {
                "login"
            });
        }
        let offline = self.scopes.iter().any(|scope| scope == "offline_access");
        if self.consent == Consent::Always || (self.consent == Consent::ForOffline && offline) {
            prompts.push("consent");
        }
        prompts
    }

    async fn handle_callback(
        &self,
        context: &LoginContext,
        input: &LoginInput,
    ) -> Result<Identity, Refusal> {
        let metadata = self.issuer.metadata(self.clock.now()).await;
        let metadata = metadata.map_err(|error| refusal(error.into()))?;
        // The issuer is checked before any other parameter of the response is used (RFC 9207 §2.4).
        match input.get("iss") {
            Some(issuer) if issuer != self.issuer.id() => {
                return Err(Refusal::unexpected(
                    "the response is from another issuer (iss)",
                ));
            }
            None if metadata.authorization_response_iss_parameter_supported => {
                return Err(Refusal::unexpected(
                    "the response does not name its issuer (iss)",
                ));
            }
            _ => {}
        }
        if let Some(error) = input.get("error") {
            return Err(match error {
                "access_denied" => Refusal::not_allowed(
                    "access_denied",
                    format!("You denied access at {}.", self.title),
                ),
                "temporarily_unavailable" | "server_error" => {
                    Refusal::unavailable("the provider reports an error")
                }
                other => Refusal::unexpected(format!("the provider answers {}", quoted(other))),
            });
        }
        let code = input
            .get("code")
            .ok_or_else(|| Refusal::unexpected("the response has no code"))?;
        let received = self.exchange(context, code).await.map_err(refusal)?;
        let user = self.who(context, &received).await.map_err(refusal)?;
        if !self.allow_list.allows(&user) {
            return Err(self.not_allowed(&user));
        }
        let mut identity = Identity::new(self.subject(&user.subject));
        if let Some(name) = &user.name {
            identity = identity.with_name(name);
        }
        if let Some(address) = self.allow_list.only_by_address(&user) {
            let name = format!("{} {}", self.issuer.id(), address.to_lowercase());
            identity = identity.allowed_by_name(name);
        }
        let tokens = self.with_claims_noted(received.tokens, &user);
        Ok(identity.with_upstream(tokens))
    }

    /// Returns the claims about the user from the ID token and the userinfo endpoint.
    async fn who(
        &self,
        context: &LoginContext,
        received: &ProviderTokens,
    ) -> Result<UserClaims, ProviderError> {
        let id_token = received
            .id_token
            .as_deref()
            .ok_or(ProviderError::Unexpected("there is no id token".into()))?;
        let claims = self
            .first_id_token(id_token, &context.nonce(), received.tokens.access_token())
            .await?;
        let user = UserClaims::of_id_token(&claims, &self.claim_names, &self.allow_list).ok_or(
            ProviderError::Unexpected("the id token has no usable sub".into()),
        )?;
        let token = received.tokens.access_token();
        match self.with_current_userinfo(user.clone(), token).await {
            // The access token is for another API, so the userinfo endpoint rejects it.
            Err(ProviderError::Refused(_)) => Ok(UserClaims {
                has_userinfo: false,
                ..user
            }),
            Err(ProviderError::Unavailable(why)) if !self.allow_list.needs_claims() => {
                tracing::info!(%why, "signed in without the userinfo");
                Ok(user)
            }
            asked => asked,
        }
    }

    /// Updates the claims from the userinfo endpoint, if the provider has one.
    async fn with_current_userinfo(
        &self,
        user: UserClaims,
        access_token: &str,
    ) -> Result<UserClaims, ProviderError> {
        match self.userinfo(access_token).await? {
            None => Ok(UserClaims {
                has_userinfo: false,
                ..user
            }),
            Some(claims) => user
                .with_userinfo(&claims, &self.claim_names, &self.allow_list)
                .ok_or(ProviderError::Unexpected(
                    "the userinfo is about another user".into(),
                )),
        }
    }

    fn not_allowed(&self, user: &UserClaims) -> Refusal {
        let who = user.name.as_deref().unwrap_or(&user.subject);
        let mut what = format!(
            "You are signed in at {} as {who}, and that account may not use this server.",
            self.title
        );
        if user.has_unverified_email {
            what.push_str(" Its e-mail address is not verified there.");
        }
        Refusal::not_allowed("not on the allow-list", what)
    }

    /// Returns the subject with its issuer, because subjects are unique only within one issuer.
    fn subject(&self, unverified: &str) -> String {
        let issuer = self.issuer.id();
        let place = issuer.split_once("://").map_or(issuer, |(_, place)| place);
        format!("{}:{unverified}", place.trim_end_matches('/'))
    }
}

impl Login for OpenId {
    fn name(&self) -> &'static str {
        "OpenID Connect"
    }

    fn basis(&self) -> String {
        // The allow-list is checked at each refresh, so it is not part of the basis: a new list
        // does not sign out the users who are still on it.
        format!("{} {}", self.issuer.id(), self.client_id)
    }

    fn provider(&self) -> Option<Provider> {
        Some(Provider::new(self.title.clone(), CALLBACK).with_scopes(self.scopes.clone()))
    }

    fn begin<'a>(&'a self, context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        Box::pin(async {
            match self.authorization_url(context).await {
                Ok(url) => Outcome::Redirect(url.into()),
                Err(error) => Outcome::Refusal(refusal(error)),
            }
        })
    }

    fn resume<'a>(
        &'a self,
        context: &'a LoginContext,
        input: &'a LoginInput,
    ) -> LoginFuture<'a, Outcome> {
        Box::pin(async { self.handle_callback(context, input).await.into() })
    }

    fn recheck<'a>(
        &'a self,
        identity: &'a Identity,
        upstream: Option<&'a UpstreamTokens>,
    ) -> LoginFuture<'a, Result<(), LoginError>> {
        Box::pin(async move {
            let tokens = upstream.ok_or_else(|| LoginError::refused("there is no token"))?;
            self.still_allowed(identity, tokens).await
        })
    }

    fn renew<'a>(
        &'a self,
        tokens: &'a UpstreamTokens,
    ) -> LoginFuture<'a, Result<UpstreamTokens, LoginError>> {
        Box::pin(self.renewed(tokens))
    }
}
