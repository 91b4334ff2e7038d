//! Requests to the GitHub API, and the meaning of its responses.

use std::{borrow::Cow, time::Duration};

use http::{StatusCode, header};
use serde::Deserialize;

use super::settings::GitHub;
use crate::login::{
    context::LoginContext,
    provider_error::{ProviderError, quoted},
    upstream_tokens::UpstreamTokens,
};
use crate::net::http_client::{HttpError, HttpResponse};

const API_VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");
const MAX_TOKEN_LEN: usize = 4 * 1024;

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

/// A token response. GitHub sends status 200 for success and for errors.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
    error: Option<String>,
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
        self.tokens(&[
            ("code", code),
            ("redirect_uri", context.callback_url()),
            ("code_verifier", &context.code_verifier()),
        ])
        .await
    }

    /// Renews the tokens of a GitHub App whose tokens expire.
    pub(super) async fn refresh(
        &self,
        refresh_token: &str,
    ) -> Result<UpstreamTokens, ProviderError> {
        self.tokens(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ])
        .await
    }

    async fn tokens(&self, parameters: &[(&str, &str)]) -> Result<UpstreamTokens, ProviderError> {
        let mut form = vec![
            ("client_id", &*self.client_id),
            ("client_secret", &*self.client_secret),
        ];
        form.extend_from_slice(parameters);
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let response = self.http.ask(|client| {
            client
                .post(self.token_url())
                // Without this header the response is form-encoded.
                .header(header::ACCEPT, "application/json")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body)
        });
        let response = checked_response(response.await)?;
        if response.status != StatusCode::OK {
            return Err(unexpected(format!(
                "GitHub's token endpoint answers {}",
                response.status
            )));
        }
        let tokens: TokenResponse = response
            .json()
            .ok_or_else(|| unexpected("GitHub's token endpoint does not answer with JSON"))?;
        tokens.verified()
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
        checked_response(response.await)
    }
}

impl TokenResponse {
    fn verified(self) -> Result<UpstreamTokens, ProviderError> {
        if let Some(error) = self.error {
            return Err(match &*error {
                "bad_verification_code" => ProviderError::Refused(
                    "GitHub rejects the code: it is unknown or expired".into(),
                ),
                "bad_refresh_token" => {
                    ProviderError::Refused("GitHub does not accept the refresh token".into())
                }
                "incorrect_client_credentials" => unexpected(
                    "GitHub does not accept GITHUB_CLIENT_ID with this GITHUB_CLIENT_SECRET",
                ),
                "redirect_uri_mismatch" => {
                    unexpected("the callback URL of the GitHub app is not the one of this server")
                }
                other => unexpected(format!("GitHub's token endpoint answers {}", quoted(other))),
            });
        }
        let is_bearer = self
            .token_type
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let access = self.access_token.filter(|token| is_token(token));
        let (true, Some(access)) = (is_bearer, access) else {
            return Err(unexpected("GitHub's token endpoint sends no bearer token"));
        };
        let mut tokens = UpstreamTokens::new(access);
        if let Some(seconds) = self.expires_in {
            tokens = tokens.with_lifetime(Duration::from_secs(seconds));
        }
        if let Some(refresh) = self.refresh_token.filter(|token| is_token(token)) {
            tokens = tokens.with_refresh_token(refresh);
        }
        Ok(tokens)
    }
}

/// Returns true if the text can be sent in a header.
fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn unexpected(fault: impl Into<Cow<'static, str>>) -> ProviderError {
    ProviderError::Unexpected(fault.into())
}

/// Returns the response unless GitHub is down or limits the rate.
fn checked_response(
    response: Result<HttpResponse, HttpError>,
) -> Result<HttpResponse, ProviderError> {
    let response = response.map_err(|error| match error {
        HttpError::TooLong => unexpected("GitHub's answer is too long"),
        error => ProviderError::Unavailable(format!("GitHub: {error}").into()),
    })?;
    let limited = |name| {
        let value = response.headers.get(name);
        value.and_then(|value| value.to_str().ok())
    };
    let is_rate_limited = response.status == StatusCode::TOO_MANY_REQUESTS
        || (response.status == StatusCode::FORBIDDEN
            && (limited("x-ratelimit-remaining") == Some("0") || limited("retry-after").is_some()));
    if is_rate_limited {
        return Err(ProviderError::Unavailable(
            "GitHub's rate limit is reached".into(),
        ));
    }
    if response.status.is_server_error() {
        let fault = format!("GitHub answers {}", response.status);
        return Err(ProviderError::Unavailable(fault.into()));
    }
    Ok(response)
}
