//! Requests to the GitHub API, and the meaning of its responses.

use std::borrow::Cow;

use http::{StatusCode, header};
use serde::Deserialize;

use super::settings::GitHub;
use crate::login::{
    context::LoginContext,
    provider_error::{ProviderError, quoted},
    token_endpoint::{
        TokenResponse, checked_response, code_parameters, refresh_parameters, unexpected, with_form,
    },
    upstream_tokens::UpstreamTokens,
};
use crate::net::http_client::{HttpError, HttpResponse};

const API_VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");
const ENDPOINT: &str = "GitHub's token endpoint";

/// A GitHub account.
#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
}

impl User {
    pub(super) fn subject(&self) -> String {
        format!("github:{}", self.id)
    }
}

#[derive(Deserialize)]
struct Membership {
    state: String,
}

impl GitHub {
    /// Exchanges the code from the callback for tokens.
    pub(super) async fn exchange(
        &self,
        context: &LoginContext,
        code: &str,
    ) -> Result<UpstreamTokens, ProviderError> {
        self.tokens(&code_parameters(context, code)).await
    }

    /// Renews the tokens of a GitHub App whose tokens expire.
    pub(super) async fn refresh(
        &self,
        refresh_token: &str,
    ) -> Result<UpstreamTokens, ProviderError> {
        self.tokens(&refresh_parameters(refresh_token)).await
    }

    async fn tokens(
        &self,
        parameters: &[(&str, Cow<'_, str>)],
    ) -> Result<UpstreamTokens, ProviderError> {
        let mut form: Vec<(&str, Cow<'_, str>)> = vec![
            ("client_id", (&*self.client_id).into()),
            ("client_secret", (&*self.client_secret).into()),
        ];
        form.extend_from_slice(parameters);
        let response = self
            .http
            .ask(|client| with_form(client.post(self.token_url()), &form));
        let response = within_rate_limit(response.await)?;
        if response.status != StatusCode::OK {
            return Err(unexpected(format!(
                "{ENDPOINT} answers {}",
                response.status
            )));
        }
        let response: TokenResponse = response
            .json()
            .ok_or_else(|| unexpected("GitHub's token endpoint does not answer with JSON"))?;
        match &response.error {
            Some(error) => Err(refused(error)),
            None => response.tokens(ENDPOINT),
        }
    }

    /// Returns the user that the token belongs to.
    pub(super) async fn user(&self, token: &str) -> Result<User, ProviderError> {
        let response = self.get(&["user"], token).await?;
        match response.status {
            StatusCode::OK => response
                .json()
                .filter(|user: &User| !user.login.is_empty() && user.login.len() <= 100)
                .ok_or_else(|| unexpected("GitHub's response does not name the user")),
            StatusCode::UNAUTHORIZED => Err(ProviderError::Refused(
                "GitHub does not accept the token".into(),
            )),
            status => Err(unexpected(format!("GitHub answers {status} for the user"))),
        }
    }

    pub(super) async fn is_in_organization(
        &self,
        organization: &str,
        token: &str,
    ) -> Result<bool, ProviderError> {
        let path = ["user", "memberships", "orgs", organization];
        self.is_member(&path, token).await
    }

    pub(super) async fn is_in_team(
        &self,
        organization: &str,
        team: &str,
        login: &str,
        token: &str,
    ) -> Result<bool, ProviderError> {
        let path = ["orgs", organization, "teams", team, "memberships", login];
        self.is_member(&path, token).await
    }

    /// Returns true for an active membership; a pending invitation is not a membership.
    async fn is_member(&self, path: &[&str], token: &str) -> Result<bool, ProviderError> {
        let response = self.get(path, token).await?;
        match response.status {
            StatusCode::OK => response
                .json()
                .map(|membership: Membership| membership.state == "active")
                .ok_or_else(|| unexpected("GitHub's response has no membership state")),
            StatusCode::NOT_FOUND => Ok(false),
            // Either the organization hides its members from this app, or GitHub limits the rate
            // without saying so. Neither means that the user is not a member.
            StatusCode::FORBIDDEN => Err(unexpected(
                "GitHub does not show a membership; if this continues, an owner of the \
                 organization must approve the app",
            )),
            StatusCode::UNAUTHORIZED => Err(ProviderError::Refused(
                "GitHub does not accept the token".into(),
            )),
            status => Err(unexpected(format!(
                "GitHub answers {status} for a membership"
            ))),
        }
    }

    async fn get(&self, path: &[&str], token: &str) -> Result<HttpResponse, ProviderError> {
        let response = self.http.ask(|client| {
            client
                .get(self.api_url(path))
                .bearer_auth(token)
                .header(header::ACCEPT, "application/vnd.github+json")
                .header(API_VERSION.0, API_VERSION.1)
        });
        within_rate_limit(response.await)
    }
}

/// Maps the `error` of a token response, which has the status 200.
fn refused(error: &str) -> ProviderError {
    match error {
        "bad_verification_code" => {
            ProviderError::Refused("GitHub rejects the code: it is unknown or expired".into())
        }
        "bad_refresh_token" => {
            ProviderError::Refused("GitHub does not accept the refresh token".into())
        }
        "incorrect_client_credentials" => {
            unexpected("GitHub does not accept GITHUB_CLIENT_ID with this GITHUB_CLIENT_SECRET")
        }
        "redirect_uri_mismatch" => {
            unexpected("the callback URL of the GitHub app is not the one of this server")
        }
        other => unexpected(format!("{ENDPOINT} answers {}", quoted(other))),
    }
}

/// Returns the response unless GitHub is down or limits the rate.
fn within_rate_limit(
    response: Result<HttpResponse, HttpError>,
) -> Result<HttpResponse, ProviderError> {
    let is_limited = |response: &HttpResponse| {
        let headers = &response.headers;
        let is_used_up = || {
            headers
                .get("x-ratelimit-remaining")
                .is_some_and(|left| left == "0")
        };
        response.status == StatusCode::TOO_MANY_REQUESTS
            || (response.status == StatusCode::FORBIDDEN
                && (is_used_up() || headers.contains_key("retry-after")))
    };
    if response.as_ref().is_ok_and(is_limited) {
        return Err(ProviderError::Unavailable(
            "GitHub's rate limit is reached".into(),
        ));
    }
    checked_response(response, "GitHub")
}
