//! Requests to the token endpoint of a provider (RFC 6749 §4.1.3 and §6), and the checks that apply
//! to the responses of all providers.

use std::{borrow::Cow, time::Duration};

use http::{StatusCode, header};
use reqwest::RequestBuilder;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::{
    context::LoginContext, provider_error::ProviderError, upstream_tokens::UpstreamTokens,
};
use crate::net::http_client::{HttpError, HttpResponse};

const MAX_TOKEN_LEN: usize = 8 * 1024;

/// The members of a token response. All are unverified.
#[derive(Deserialize)]
pub(super) struct TokenResponse {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<f64>,
    refresh_token: Option<String>,
    pub(super) id_token: Option<String>,
    /// GitHub sends errors with the status 200.
    pub(super) error: Option<String>,
}

/// Returns the parameters that exchange the code from the callback for tokens.
pub(super) fn code_parameters<'a>(
    context: &'a LoginContext,
    code: &'a str,
) -> [(&'static str, Cow<'a, str>); 3] {
    [
        ("code", code.into()),
        ("redirect_uri", context.callback_url().into()),
        ("code_verifier", context.code_verifier().into()),
    ]
}

/// Returns the parameters that exchange a refresh token for new tokens.
pub(super) fn refresh_parameters(refresh_token: &str) -> [(&'static str, Cow<'_, str>); 2] {
    [
        ("grant_type", "refresh_token".into()),
        ("refresh_token", refresh_token.into()),
    ]
}

/// Adds a form to a request, and asks for a response in JSON.
pub(super) fn with_form(request: RequestBuilder, form: &[(&str, Cow<'_, str>)]) -> RequestBuilder {
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    request
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
}

/// Returns the response unless the provider is down or limits the rate. `endpoint` is its name for
/// the log.
pub(super) fn checked_response(
    response: Result<HttpResponse, HttpError>,
    endpoint: &str,
) -> Result<HttpResponse, ProviderError> {
    let response = response.map_err(|error| match error {
        HttpError::TooLong => unexpected(format!("the response of {endpoint} is too long")),
        error => ProviderError::Unavailable(format!("{endpoint}: {error}").into()),
    })?;
    if response.status.is_server_error() || response.status == StatusCode::TOO_MANY_REQUESTS {
        let fault = format!("{endpoint} answers {}", response.status);
        return Err(ProviderError::Unavailable(fault.into()));
    }
    Ok(response)
}

impl TokenResponse {
    /// Returns the tokens, if the response has a bearer token (RFC 6749 §5.1).
    pub(super) fn tokens(self, endpoint: &str) -> Result<UpstreamTokens, ProviderError> {
        let is_bearer = self
            .token_type
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let access = self.access_token.filter(|token| is_token(token));
        let (true, Some(access)) = (is_bearer, access) else {
            return Err(unexpected(format!("{endpoint} sends no bearer token")));
        };
        let mut tokens = UpstreamTokens::new(access);
        if let Some(seconds) = self.expires_in {
            let lifetime = Duration::try_from_secs_f64(seconds)
                .map_err(|_| unexpected("expires_in is not a time"))?;
            tokens = tokens.with_lifetime(lifetime);
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

pub(super) fn unexpected(fault: impl Into<Cow<'static, str>>) -> ProviderError {
    ProviderError::Unexpected(fault.into())
}
