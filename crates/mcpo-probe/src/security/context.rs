//! The tools of the attempts: fresh codes and tokens, and requests with one change.

use mcpo_common::secret::Secret;
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    credentials::{RegisteredClient, Scopes},
    http::{Answer, HttpClient, RequestError},
    mcp::{self, Call, WireFormat},
    oauth::{
        AuthorizationRequest, AuthorizationServer, Grant, Resource,
        pages::{self, Arrival, PageError, SignIn},
        token,
    },
    plan::{Person, Plan},
    profile::Profile,
};

/// What the probe has learned, for use by the attempts.
pub struct AttackContext<'l> {
    pub http: &'l HttpClient,
    pub target: &'l Url,
    pub wire_format: &'l WireFormat,
    pub profile: &'l Profile,
    pub server: &'l AuthorizationServer,
    pub client: &'l RegisteredClient,
    pub resource: &'l Resource,
    pub scopes: &'l Scopes,
    pub sign_in: Option<SignIn<'l>>,
    pub password: Option<&'l Secret>,
    pub redirect_uri: &'l Url,
}

/// A code and its PKCE verifier.
pub struct Fresh {
    pub code: String,
    pub verifier: Secret,
}

/// The tokens of an attempt.
#[derive(Deserialize)]
pub struct Tokens {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub scope: Option<String>,
    pub expires_in: Option<u64>,
}

impl<'l> AttackContext<'l> {
    /// Returns the tools; `None` if the user completes the pages in a browser.
    pub fn of(
        plan: &'l Plan,
        http: &'l HttpClient,
        target: &'l Url,
        wire_format: &'l WireFormat,
        grant: &'l Grant,
    ) -> Option<Self> {
        let Person::Forms {
            user,
            password,
            redirect_uri,
        } = &plan.person
        else {
            return None;
        };
        Some(Self {
            http,
            target,
            wire_format,
            profile: &plan.profile,
            server: &grant.server,
            client: &grant.client,
            resource: &grant.resource,
            scopes: &grant.scopes,
            sign_in: SignIn::of(user.as_deref(), password.as_ref()),
            password: password.as_ref(),
            redirect_uri,
        })
    }

    /// Returns a new authorization request, made like that of the probe.
    pub fn request(&self) -> Result<AuthorizationRequest, RequestError> {
        self.request_for(self.client)
    }

    pub fn request_for(
        &self,
        client: &RegisteredClient,
    ) -> Result<AuthorizationRequest, RequestError> {
        let resource = self.resource.identifier.as_deref();
        AuthorizationRequest::new(self.server, client, resource, self.scopes, self.profile)
            .map_err(|error| RequestError::other(&error))
    }

    /// Completes the pages, up to the redirect URI or one of `others`. Returns `None` if they lead
    /// to none of them, for example because the request is refused.
    pub async fn visit(&self, url: &Url, others: &[&Url]) -> Result<Option<Arrival>, RequestError> {
        let uris = [others, &[self.redirect_uri]].concat();
        match pages::complete(self.http, url, self.sign_in, &uris).await {
            Ok(arrival) => Ok(Some(arrival)),
            Err(PageError::RequestError(_, request_error)) => Err(request_error),
            Err(_) => Ok(None),
        }
    }

    /// Returns true if the pages lead to a code for `url`.
    pub async fn gives_code(&self, url: &Url) -> Result<bool, RequestError> {
        let arrival = self.visit(url, &[]).await?;
        Ok(arrival.is_some_and(|arrival| parameter(&arrival.location, "code").is_some()))
    }

    pub async fn fresh(&self) -> Result<Fresh, RequestError> {
        let request = self.request()?;
        let arrival = self.visit(&request.url, &[]).await?;
        let code = arrival.and_then(|arrival| parameter(&arrival.location, "code"));
        let code = code
            .ok_or_else(|| RequestError::Other("a second sign-in returned no code".to_owned()))?;
        Ok(Fresh {
            code,
            verifier: request.verifier,
        })
    }

    /// Sends a token request for `fresh` with some parameters changed; empty ones are left out.
    pub async fn redeem_as(
        &self,
        client: &RegisteredClient,
        fresh: &Fresh,
        changed: &[(&str, &str)],
    ) -> Result<Answer, RequestError> {
        let mut parameters = vec![
            ("grant_type", "authorization_code"),
            ("code", fresh.code.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", fresh.verifier.expose()),
        ];
        parameters.extend(self.resource.parameter());
        for (name, value) in changed {
            parameters.retain(|(other, _)| other != name);
            if !value.is_empty() {
                parameters.push((name, value));
            }
        }
        token::send(self.http, self.server, client, parameters).await
    }

    pub async fn redeem(
        &self,
        fresh: &Fresh,
        changed: &[(&str, &str)],
    ) -> Result<Answer, RequestError> {
        self.redeem_as(self.client, fresh, changed).await
    }

    /// Returns the tokens of a new grant.
    pub async fn tokens(&self) -> Result<Tokens, RequestError> {
        let fresh = self.fresh().await?;
        read(&self.redeem(&fresh, &[]).await?)
    }

    pub async fn refresh(
        &self,
        client: &RegisteredClient,
        refresh: &str,
    ) -> Result<Answer, RequestError> {
        self.refresh_with(client, refresh, &[]).await
    }

    pub async fn refresh_with(
        &self,
        client: &RegisteredClient,
        refresh: &str,
        more: &[(&str, &str)],
    ) -> Result<Answer, RequestError> {
        let mut parameters = vec![("grant_type", "refresh_token"), ("refresh_token", refresh)];
        parameters.extend(self.resource.parameter());
        parameters.extend(more);
        token::send(self.http, self.server, client, parameters).await
    }

    /// Creates a request to the MCP endpoint, without a token.
    pub fn unauthenticated_request(&self) -> Result<RequestBuilder, RequestError> {
        list_tools(self.http, self.target, self.wire_format, None)
    }

    /// Returns the response of the MCP endpoint to `token`.
    pub async fn present(&self, token: &str) -> Result<Answer, RequestError> {
        let request = self.unauthenticated_request()?.bearer_auth(token);
        self.http.send_for_head(request).await
    }

    pub async fn accepts(&self, token: &str) -> Result<bool, RequestError> {
        Ok(self.present(token).await?.status.is_success())
    }
}

/// Creates the request that every attempt on the MCP endpoint uses.
pub fn list_tools(
    http: &HttpClient,
    target: &Url,
    wire_format: &WireFormat,
    token: Option<&Secret>,
) -> Result<RequestBuilder, RequestError> {
    let list = Call::new("tools/list", json!({}));
    mcp::prepare(http, target, wire_format, token, &list)
}

/// Returns the tokens of a response that must contain them.
pub fn read(answer: &Answer) -> Result<Tokens, RequestError> {
    let tokens = answer.json().ok().filter(|_| answer.status.is_success());
    tokens.ok_or_else(|| RequestError::Other("a second sign-in returned no tokens".to_owned()))
}

pub fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

/// Returns `url` with one parameter of its query changed or removed.
pub fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(key, _)| key != name)
        .collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(&kept);
    if let Some(value) = value {
        changed.query_pairs_mut().append_pair(name, value);
    }
    changed
}
