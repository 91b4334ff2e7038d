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

use self::{claims::Facts, presets::Consent, tokens::Handed};
pub use self::{error::OpenIdError, settings::OpenId};
use super::{
    context::{Answer, Visit},
    contract::{Identity, Login, LoginError, LoginFuture, Outcome, Provider, Refusal},
};
use super::{
    provider_error::{Trouble, quoted, refusal},
    upstream_tokens::UpstreamTokens,
};
use crate::jwt::Metadata;

const CALLBACK: &str = "/auth/oidc/callback";

impl OpenId {
    async fn departure(&self, visit: &Visit) -> Result<Url, Trouble> {
        let metadata = self.issuer.metadata(self.clock.now()).await?;
        let endpoint = metadata.authorization_endpoint.as_deref();
        let mut url = self
            .issuer
            .endpoint(endpoint.unwrap_or_default(), "authorization_endpoint")?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", visit.callback_url())
            .append_pair("scope", &self.scopes.join(" "))
            .append_pair("state", visit.state())
            .append_pair("nonce", &visit.nonce())
            .append_pair("code_challenge", &visit.code_challenge())
            .append_pair("code_challenge_method", "S256");
        for (name, value) in &self.parameters {
            query.append_pair(name, value);
        }
        let prompts = self.prompts(visit, &metadata);
        if !prompts.is_empty() {
            query.append_pair("prompt", &prompts.join(" "));
        }
        drop(query);
        Ok(url)
    }

    /// Returns the values of `prompt`: what the provider must ask the user.
    fn prompts(&self, visit: &Visit, metadata: &Metadata) -> Vec<&'static str> {
        let mut prompts = Vec::new();
        if visit.wants_another_account() {
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

    async fn arrival(&self, visit: &Visit, answer: &Answer) -> Result<Identity, Refusal> {
        let metadata = self.issuer.metadata(self.clock.now()).await;
        let metadata = metadata.map_err(|error| refusal(error.into()))?;
        // The issuer is checked before any other parameter of the response is used (RFC 9207 §2.4).
        match answer.get("iss") {
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
        if let Some(error) = answer.get("error") {
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
        let code = answer
            .get("code")
            .ok_or_else(|| Refusal::unexpected("the response has no code"))?;
        let handed = self.exchange(visit, code).await.map_err(refusal)?;
        let facts = self.who(visit, &handed).await.map_err(refusal)?;
        if !self.allowed.lets_in(&facts) {
            return Err(self.not_allowed(&facts));
        }
        let mut identity = Identity::new(self.subject(&facts.subject));
        if let Some(name) = &facts.name {
            identity = identity.with_name(name);
        }
        if let Some(address) = self.allowed.only_by_address(&facts) {
            let name = format!("{} {}", self.issuer.id(), address.to_lowercase());
            identity = identity.allowed_by_name(name);
        }
        let tokens = self.noted(handed.tokens, &facts);
        Ok(identity.with_upstream(tokens))
    }

    /// Returns the facts about the user from the ID token and the userinfo endpoint.
    async fn who(&self, visit: &Visit, handed: &Handed) -> Result<Facts, Trouble> {
        let id_token = handed
            .id_token
            .as_deref()
            .ok_or(Trouble::Unexpected("there is no id token".into()))?;
        let claims = self
            .first_id_token(id_token, &visit.nonce(), handed.tokens.access_token())
            .await?;
        let facts = Facts::of_id_token(&claims, &self.told_by, &self.allowed)
            .ok_or(Trouble::Unexpected("the id token has no usable sub".into()))?;
        let token = handed.tokens.access_token();
        match self.asked_again(facts.clone(), token).await {
            // The access token is for another API, so the userinfo endpoint rejects it.
            Err(Trouble::Refused(_)) => Ok(Facts {
                has_userinfo: false,
                ..facts
            }),
            Err(Trouble::OutOfReach(why)) if !self.allowed.needs_claims() => {
                tracing::info!(%why, "signed in without the userinfo");
                Ok(facts)
            }
            asked => asked,
        }
    }

    /// Updates the facts from the userinfo endpoint, if the provider has one.
    async fn asked_again(&self, facts: Facts, access_token: &str) -> Result<Facts, Trouble> {
        match self.userinfo(access_token).await? {
            None => Ok(Facts {
                has_userinfo: false,
                ..facts
            }),
            Some(claims) => facts
                .with_userinfo(&claims, &self.told_by, &self.allowed)
                .ok_or(Trouble::Unexpected(
                    "the userinfo is about another user".into(),
                )),
        }
    }

    fn not_allowed(&self, facts: &Facts) -> Refusal {
        let who = facts.name.as_deref().unwrap_or(&facts.subject);
        let mut what = format!(
            "You are signed in at {} as {who}, and that account may not use this server.",
            self.title
        );
        if facts.has_unverified_email {
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
        Some(Provider {
            name: self.title.clone().into(),
            scopes: self.scopes.clone(),
            callback: CALLBACK,
        })
    }

    fn begin<'a>(&'a self, visit: &'a Visit) -> LoginFuture<'a, Outcome> {
        Box::pin(async {
            match self.departure(visit).await {
                Ok(url) => Outcome::Redirect(url),
                Err(trouble) => Outcome::Refusal(refusal(trouble)),
            }
        })
    }

    fn resume<'a>(&'a self, visit: &'a Visit, answer: &'a Answer) -> LoginFuture<'a, Outcome> {
        Box::pin(async {
            match self.arrival(visit, answer).await {
                Ok(identity) => Outcome::Identity(identity),
                Err(refusal) => Outcome::Refusal(refusal),
            }
        })
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
