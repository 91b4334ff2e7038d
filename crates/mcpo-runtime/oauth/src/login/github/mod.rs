//! Sign-in with an account at GitHub or at a GitHub Enterprise Server.
//! <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>
//!
//! Works with an OAuth app and with a GitHub App. Users are identified by the number of their
//! account, because a renamed account frees its old name for other users.

mod allow_list;
mod api;
mod settings;

use url::Url;

pub use self::settings::{GitHub, GitHubError};
use self::{allow_list::Verdict, api::User};
use super::{
    context::{LoginContext, LoginInput},
    contract::{Identity, Login, LoginError, LoginFuture, Outcome, Provider, Refusal},
};
use super::{
    provider_error::{quoted, recheck_error, refusal},
    upstream_tokens::UpstreamTokens,
};

const CALLBACK: &str = "/auth/github/callback";

impl GitHub {
    fn authorization_url(&self, context: &LoginContext) -> Url {
        let mut url = self.authorize_url();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", context.callback_url())
            .append_pair("scope", &self.asked_scopes().join(" "))
            .append_pair("state", context.state())
            .append_pair("code_challenge", &context.code_challenge())
            .append_pair("code_challenge_method", "S256")
            .append_pair("allow_signup", "false");
        if context.wants_another_account() {
            query.append_pair("prompt", "select_account");
        }
        drop(query);
        url
    }

    async fn handle_callback(
        &self,
        context: &LoginContext,
        input: &LoginInput,
    ) -> Result<Identity, Refusal> {
        if let Some(error) = input.get("error") {
            return Err(match error {
                "access_denied" => {
                    Refusal::not_allowed("access_denied", "You denied access at GitHub.")
                }
                other => Refusal::unexpected(format!("GitHub answers {}", quoted(other))),
            });
        }
        let code = input
            .get("code")
            .ok_or_else(|| Refusal::unexpected("GitHub sends no code"))?;
        let tokens = self.exchange(context, code).await.map_err(refusal)?;
        let token = tokens.access_token();
        let user = self.user(token).await.map_err(refusal)?;
        let identity = |user: &User| Identity::new(user.subject()).with_name(&user.login);
        match self.verdict(&user, token).await.map_err(refusal)? {
            Verdict::AllowList => Ok(identity(&user).with_upstream(tokens)),
            Verdict::AllowedByLogin => Ok(identity(&user)
                .allowed_by_name(format!("{} {}", self.server, user.login.to_lowercase()))
                .with_upstream(tokens)),
            Verdict::NotAllowed => Err(Refusal::not_allowed(
                "not on the allow-list",
                format!(
                    "You are signed in at GitHub as {}, and that account may not use this server.",
                    user.login
                ),
            )),
        }
    }

    /// Checks again that the user is allowed. The account may have a new name, and the allow-list
    /// contains names.
    async fn still_allowed(&self, identity: &Identity, token: &str) -> Result<(), LoginError> {
        let failed = |error| recheck_error("GitHub", error);
        let user: User = self.user(token).await.map_err(failed)?;
        if user.subject() != identity.subject() {
            return Err(LoginError::refused("the token belongs to another account"));
        }
        match self.verdict(&user, token).await.map_err(failed)? {
            Verdict::AllowList | Verdict::AllowedByLogin => Ok(()),
            Verdict::NotAllowed => Err(LoginError::refused("no longer on the allow-list")),
        }
    }
}

impl Login for GitHub {
    fn name(&self) -> &'static str {
        "GitHub"
    }

    fn basis(&self) -> String {
        // The allow-list is checked at each refresh, so it is not part of the basis: a new list
        // does not sign out the users who are still on it.
        format!("{} {}", self.server, self.client_id)
    }

    fn provider(&self) -> Option<Provider> {
        Some(Provider::new("GitHub", CALLBACK).with_scopes(self.asked_scopes()))
    }

    fn begin<'a>(&'a self, context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        Box::pin(async { Outcome::Redirect(self.authorization_url(context).into()) })
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
            self.still_allowed(identity, tokens.access_token()).await
        })
    }

    fn renew<'a>(
        &'a self,
        tokens: &'a UpstreamTokens,
    ) -> LoginFuture<'a, Result<UpstreamTokens, LoginError>> {
        Box::pin(async move {
            let token = tokens
                .refresh_token()
                .ok_or_else(|| LoginError::refused("there is no refresh token"))?;
            let renewed = self.refresh(token).await;
            renewed.map_err(|error| recheck_error("GitHub", error))
        })
    }
}
