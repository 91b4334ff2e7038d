//! Requests to the token endpoint and the userinfo endpoint.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded::{Serializer, byte_serialize};

use super::settings::OpenId;
use crate::login::{
    context::LoginContext,
    provider_error::{ProviderError, quoted},
    upstream_tokens::UpstreamTokens,
};
use crate::{
    jwt::{Claims, Metadata},
    net::http_client::{HttpError, HttpResponse},
};

const MAX_TOKEN_LEN: usize = 8 * 1024;

/// The tokens from the token endpoint.
pub(super) struct ProviderTokens {
    pub(super) tokens: UpstreamTokens,
    /// Unverified.
    pub(super) id_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<f64>,
    refresh_token: Option<String>,
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct ErrorResponse {
    error: String,
}

impl OpenId {
    /// Exchanges the code from the callback for tokens.
    pub(super) async fn exchange(
        &self,
        context: &LoginContext,
        code: &str,
    ) -> Result<ProviderTokens, ProviderError> {
        self.tokens(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", context.callback_url()),
            ("code_verifier", &context.code_verifier()),
        ])
        .await
    }

    /// Renews the tokens.
    pub(super) async fn refresh(
        &self,
        refresh_token: &str,
    ) -> Result<ProviderTokens, ProviderError> {
        self.tokens(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ])
        .await
    }

    async fn tokens(&self, parameters: &[(&str, &str)]) -> Result<ProviderTokens, ProviderError> {
        let metadata = self.issuer.metadata(self.clock.now()).await?;
        let endpoint = metadata.token_endpoint.as_deref().unwrap_or_default();
        let url = self.issuer.endpoint(endpoint, "token_endpoint")?;
        let basic = self.basic(&metadata);
        let mut form = parameters.to_vec();
        if basic.is_none() {
            form.push(("client_id", &self.client_id));
            if let Some(secret) = &self.client_secret {
                form.push(("client_secret", secret));
            }
        }
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let response = self.issuer.http().ask(|client| {
            let request = client
                .post(url)
                .header(header::ACCEPT, "application/json")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body);
            match basic {
                Some(basic) => request.header(header::AUTHORIZATION, basic),
                None => request,
            }
        });
        let response = checked_response(response.await, "token endpoint")?;
        if response.status != StatusCode::OK {
            return Err(refused(&response));
        }
        let response: TokenResponse = response.json().ok_or(ProviderError::Unexpected(
            "the response of the token endpoint does not follow RFC 6749".into(),
        ))?;
        response.verified()
    }

    /// Returns credentials for the `Authorization` header (RFC 6749 §2.3.1), which is the default
    /// if the metadata does not say otherwise.
    fn basic(&self, metadata: &Metadata) -> Option<String> {
        let secret = self.client_secret.as_deref()?;
        let methods = metadata.token_endpoint_auth_methods_supported.as_ref();
        let takes_basic = methods
            .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        takes_basic.then(|| {
            let pair = format!("{}:{}", encoded(&self.client_id), encoded(secret));
            format!("Basic {}", STANDARD.encode(pair))
        })
    }

    /// Returns the provider's claims about the owner of the token, or `None` if the provider has no
    /// userinfo endpoint.
    pub(super) async fn userinfo(
        &self,
        access_token: &str,
    ) -> Result<Option<Claims>, ProviderError> {
        let metadata = self.issuer.metadata(self.clock.now()).await?;
        let Some(endpoint) = metadata.userinfo_endpoint.as_deref() else {
            return Ok(None);
        };
        let url = self.issuer.endpoint(endpoint, "userinfo_endpoint")?;
        let response = self.issuer.http().ask(|client| {
            client
                .get(url)
                .bearer_auth(access_token)
                .header(header::ACCEPT, "application/json")
        });
        let response = checked_response(response.await, "userinfo endpoint")?;
        match response.status {
            StatusCode::OK => response
                .json::<Map<String, Value>>()
                .map(|claims| Some(Claims::of_userinfo(claims)))
                .ok_or(ProviderError::Unexpected("the userinfo is not JSON".into())),
            StatusCode::UNAUTHORIZED => Err(ProviderError::Refused(
                "the provider rejects the access token".into(),
            )),
            status => Err(ProviderError::Unexpected(
                format!("the userinfo endpoint answers {status}").into(),
            )),
        }
    }
}

impl TokenResponse {
    fn verified(self) -> Result<ProviderTokens, ProviderError> {
        let is_bearer = self
            .token_type
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let access = self.access_token.filter(|token| is_token(token));
        let (true, Some(access)) = (is_bearer, access) else {
            return Err(ProviderError::Unexpected(
                "the token endpoint sends no bearer token".into(),
            ));
        };
        let mut tokens = UpstreamTokens::new(access);
        if let Some(seconds) = self.expires_in {
            let lifetime = Duration::try_from_secs_f64(seconds)
                .map_err(|_| ProviderError::Unexpected("expires_in is not a time".into()))?;
            tokens = tokens.with_lifetime(lifetime);
        }
        if let Some(refresh) = self.refresh_token.filter(|token| is_token(token)) {
            tokens = tokens.with_refresh_token(refresh);
        }
        Ok(ProviderTokens {
            tokens,
            id_token: self.id_token,
        })
    }
}

/// Returns true if the text can be sent in a header.
fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn refused(response: &HttpResponse) -> ProviderError {
    let error = response
        .json::<ErrorResponse>()
        .map(|response| response.error);
    match error.as_deref() {
        Some("invalid_grant") => ProviderError::Refused(
            "the provider rejects the code or refresh token: unknown or expired".into(),
        ),
        Some("invalid_client" | "unauthorized_client") => ProviderError::Unexpected(
            "the provider rejects OIDC_CLIENT_ID with this OIDC_CLIENT_SECRET".into(),
        ),
        Some(other) => ProviderError::Unexpected(
            format!("the token endpoint answers {}", quoted(other)).into(),
        ),
        None => ProviderError::Unexpected(
            format!("the token endpoint answers {}", response.status).into(),
        ),
    }
}

/// Returns the response unless the provider is down or limits the rate.
fn checked_response(
    response: Result<HttpResponse, HttpError>,
    what: &str,
) -> Result<HttpResponse, ProviderError> {
    let response = response.map_err(|error| match error {
        HttpError::TooLong => {
            ProviderError::Unexpected(format!("the response of the {what} is too long").into())
        }
        error => ProviderError::Unavailable(format!("the {what}: {error}").into()),
    })?;
    if response.status.is_server_error() || response.status == StatusCode::TOO_MANY_REQUESTS {
        let fault = format!("the {what} answers {}", response.status);
        return Err(ProviderError::Unavailable(fault.into()));
    }
    Ok(response)
}
