//! Requests to the token endpoint and the userinfo endpoint.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded::byte_serialize;

use super::settings::OpenId;
use crate::login::{
    context::LoginContext,
    provider_error::{ProviderError, quoted},
    token_endpoint::{
        TokenResponse, checked_response, code_parameters, refresh_parameters, unexpected, with_form,
    },
    upstream_tokens::UpstreamTokens,
};
use crate::{
    jwt::{Claims, Metadata},
    net::http_client::HttpResponse,
};

const ENDPOINT: &str = "the token endpoint";

/// The tokens from the token endpoint.
pub(super) struct ProviderTokens {
    pub(super) tokens: UpstreamTokens,
    /// Unverified.
    pub(super) id_token: Option<String>,
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
        let mut parameters: Vec<(&str, Cow<'_, str>)> =
            vec![("grant_type", "authorization_code".into())];
        parameters.extend(code_parameters(context, code));
        self.tokens(parameters).await
    }

    /// Renews the tokens.
    pub(super) async fn refresh(
        &self,
        refresh_token: &str,
    ) -> Result<ProviderTokens, ProviderError> {
        self.tokens(refresh_parameters(refresh_token).into()).await
    }

    async fn tokens(
        &self,
        parameters: Vec<(&str, Cow<'_, str>)>,
    ) -> Result<ProviderTokens, ProviderError> {
        let metadata = self.issuer.metadata(self.clock.now()).await?;
        let endpoint = metadata.token_endpoint.as_deref().unwrap_or_default();
        let url = self.issuer.endpoint(endpoint, "token_endpoint")?;
        let basic = self.basic(&metadata);
        let mut form: Vec<(&str, Cow<'_, str>)> = parameters;
        if basic.is_none() {
            form.push(("client_id", (&*self.client_id).into()));
            if let Some(secret) = self.client_secret.as_deref() {
                form.push(("client_secret", secret.into()));
            }
        }
        let response = self.issuer.http().ask(|client| {
            let request = with_form(client.post(url), &form);
            match basic {
                Some(basic) => request.header(header::AUTHORIZATION, basic),
                None => request,
            }
        });
        let response = checked_response(response.await, ENDPOINT)?;
        if response.status != StatusCode::OK {
            return Err(refused(&response));
        }
        let mut response: TokenResponse = response.json().ok_or_else(|| {
            unexpected("the response of the token endpoint does not follow RFC 6749")
        })?;
        Ok(ProviderTokens {
            id_token: response.id_token.take(),
            tokens: response.tokens(ENDPOINT)?,
        })
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
        let response = checked_response(response.await, "the userinfo endpoint")?;
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
