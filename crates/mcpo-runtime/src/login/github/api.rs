//! The requests to GitHub, and what its answers mean.

use std::{borrow::Cow, time::Duration};

use http::{StatusCode, header};
use serde::Deserialize;

use super::{quoted, settings::GitHub};
use crate::{
    login::Visit,
    outgoing::{Answer, OutgoingError},
    upstream::UpstreamTokens,
};

const API_VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");
const MAX_TOKEN_LEN: usize = 4 * 1024;

/// Why GitHub's answer is of no use.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// GitHub says no, and will next time.
    Refused(Cow<'static, str>),
    /// GitHub cannot be asked at the moment.
    OutOfReach(Cow<'static, str>),
    /// Not what GitHub's documentation says, or the app is not set up as it should be.
    Unexpected(Cow<'static, str>),
}

/// Somebody's account.
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

/// Answers come with status 200 whether they are good or not.
#[derive(Deserialize)]
struct Tokens {
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
    /// Tokens for the code that the browser has brought.
    pub(super) async fn exchange(
        &self,
        visit: &Visit,
        code: &str,
    ) -> Result<UpstreamTokens, Trouble> {
        self.tokens(&[
            ("code", code),
            ("redirect_uri", visit.callback_url()),
            ("code_verifier", &visit.code_verifier()),
        ])
        .await
    }

    /// The next tokens of a GitHub App whose tokens expire.
    pub(super) async fn refresh(&self, refresh_token: &str) -> Result<UpstreamTokens, Trouble> {
        self.tokens(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ])
        .await
    }

    async fn tokens(&self, parameters: &[(&str, &str)]) -> Result<UpstreamTokens, Trouble> {
        let mut form = vec![
            ("client_id", &*self.client_id),
            ("client_secret", &*self.client_secret),
        ];
        form.extend_from_slice(parameters);
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let answer = self.outgoing.ask(|client| {
            client
                .post(self.token_url())
                // Without it the answer is a form.
                .header(header::ACCEPT, "application/json")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body)
        });
        let answer = passed(answer.await)?;
        if answer.status != StatusCode::OK {
            return Err(unexpected(format!(
                "GitHub's token endpoint answers {}",
                answer.status
            )));
        }
        let tokens: Tokens = answer
            .json()
            .ok_or_else(|| unexpected("GitHub's token endpoint does not answer with JSON"))?;
        tokens.verified()
    }

    /// Whose token it is.
    pub(super) async fn user(&self, token: &str) -> Result<User, Trouble> {
        let answer = self.get(&["user"], token).await?;
        match answer.status {
            StatusCode::OK => answer
                .json()
                .filter(|user: &User| !user.login.is_empty() && user.login.len() <= 100)
                .ok_or_else(|| unexpected("GitHub does not say whose token it is")),
            StatusCode::UNAUTHORIZED => {
                Err(Trouble::Refused("GitHub does not take the token".into()))
            }
            status => Err(unexpected(format!("GitHub answers {status} for the user"))),
        }
    }

    pub(super) async fn is_in_organization(
        &self,
        organization: &str,
        token: &str,
    ) -> Result<bool, Trouble> {
        let path = ["user", "memberships", "orgs", organization];
        self.is_member(&path, token).await
    }

    pub(super) async fn is_in_team(
        &self,
        organization: &str,
        team: &str,
        login: &str,
        token: &str,
    ) -> Result<bool, Trouble> {
        let path = ["orgs", organization, "teams", team, "memberships", login];
        self.is_member(&path, token).await
    }

    /// An invitation that was not accepted yet is no membership.
    async fn is_member(&self, path: &[&str], token: &str) -> Result<bool, Trouble> {
        let answer = self.get(path, token).await?;
        match answer.status {
            StatusCode::OK => answer
                .json()
                .map(|membership: Membership| membership.state == "active")
                .ok_or_else(|| unexpected("GitHub does not say how the membership stands")),
            StatusCode::NOT_FOUND => Ok(false),
            // The organisation does not let this app see who is in it, or GitHub has had enough of
            // us without saying so: neither says that the person is no member.
            StatusCode::FORBIDDEN => Err(unexpected(
                "GitHub does not show a membership; if that lasts, an owner of the organization has \
                 to approve the app",
            )),
            StatusCode::UNAUTHORIZED => {
                Err(Trouble::Refused("GitHub does not take the token".into()))
            }
            status => Err(unexpected(format!(
                "GitHub answers {status} for a membership"
            ))),
        }
    }

    async fn get(&self, path: &[&str], token: &str) -> Result<Answer, Trouble> {
        let answer = self.outgoing.ask(|client| {
            client
                .get(self.api_url(path))
                .bearer_auth(token)
                .header(header::ACCEPT, "application/vnd.github+json")
                .header(API_VERSION.0, API_VERSION.1)
        });
        passed(answer.await)
    }
}

impl Tokens {
    fn verified(self) -> Result<UpstreamTokens, Trouble> {
        if let Some(error) = self.error {
            return Err(match &*error {
                "bad_verification_code" => {
                    Trouble::Refused("GitHub does not know the code (any more)".into())
                }
                "bad_refresh_token" => {
                    Trouble::Refused("GitHub does not take the refresh token".into())
                }
                "incorrect_client_credentials" => unexpected(
                    "GitHub does not take GITHUB_CLIENT_ID with this GITHUB_CLIENT_SECRET",
                ),
                "redirect_uri_mismatch" => {
                    unexpected("the app at GitHub has another callback URL than this server's")
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

/// What may stand in a header.
fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn unexpected(fault: impl Into<Cow<'static, str>>) -> Trouble {
    Trouble::Unexpected(fault.into())
}

/// An answer that is worth reading: not one of a GitHub that is down, or has had enough of us.
fn passed(answer: Result<Answer, OutgoingError>) -> Result<Answer, Trouble> {
    let answer = answer.map_err(|error| match error {
        OutgoingError::TooLong => unexpected("GitHub's answer is too long"),
        error => Trouble::OutOfReach(format!("GitHub: {error}").into()),
    })?;
    let limited = |name| {
        let value = answer.headers.get(name);
        value.and_then(|value| value.to_str().ok())
    };
    let has_had_enough = answer.status == StatusCode::TOO_MANY_REQUESTS
        || (answer.status == StatusCode::FORBIDDEN
            && (limited("x-ratelimit-remaining") == Some("0") || limited("retry-after").is_some()));
    if has_had_enough {
        return Err(Trouble::OutOfReach("GitHub's rate limit is reached".into()));
    }
    if answer.status.is_server_error() {
        let fault = format!("GitHub answers {}", answer.status);
        return Err(Trouble::OutOfReach(fault.into()));
    }
    Ok(answer)
}
