//! Obtains tokens in exchange for other tokens: refresh, token exchange (RFC 8693), impersonation.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use mcpo_common::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    CredentialError, SCOPE, Token,
    file::{CredentialSource, ExternalAccount, checked},
};
use crate::google::http::Http;

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: String,
}

/// The body of `generateAccessToken`.
/// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts>
#[derive(Serialize)]
struct GenerateAccessTokenRequest {
    scope: [&'static str; 1],
    lifetime: &'static str,
}

/// The body of `generateIdToken`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerateIdTokenRequest<'a> {
    pub audience: &'a str,
    pub include_email: bool,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(alias = "token")]
    id_token: String,
}

/// Requests an access token from a token endpoint.
pub async fn post(http: &Http, url: &str, form: &[(&str, &str)]) -> Result<Token, CredentialError> {
    let answer: Answer = ask(http, url, |client| client.post(url).form(form)).await?;
    Ok(Token::lasting(
        Secret::new(answer.access_token),
        answer.expires_in.unwrap_or(3600),
    ))
}

/// Requests an identity token from a token endpoint.
pub async fn post_for_identity(
    http: &Http,
    url: &str,
    form: &[(&str, &str)],
) -> Result<Secret, CredentialError> {
    let answer: Identity = ask(http, url, |client| client.post(url).form(form)).await?;
    Ok(Secret::new(answer.id_token))
}

/// Requests an identity token for the service account in `url`.
pub async fn identity(
    http: &Http,
    token: &Secret,
    url: &str,
    body: &GenerateIdTokenRequest<'_>,
) -> Result<Secret, CredentialError> {
    let request =
        |client: &reqwest::Client| client.post(url).bearer_auth(token.expose()).json(body);
    let answer: Identity = ask(http, url, request).await?;
    Ok(Secret::new(answer.id_token))
}

async fn ask<T: for<'de> Deserialize<'de>>(
    http: &Http,
    url: &str,
    request: impl Fn(&reqwest::Client) -> reqwest::RequestBuilder,
) -> Result<T, CredentialError> {
    let host = host_of(url);
    let reply = http
        .send(&host, request)
        .await
        .map_err(CredentialError::new)?;
    if !reply.status.is_success() {
        return Err(refusal(&host, reply.status.as_u16(), &reply.body));
    }
    serde_json::from_slice(&reply.body)
        .map_err(|_| CredentialError::new(format!("{host} did not return a token")))
}

/// Exchanges another provider's token for one of Google, and impersonates a service account if one
/// is configured.
pub async fn external(http: &Http, account: &ExternalAccount) -> Result<Token, CredentialError> {
    let token = federated(http, account).await?;
    match &account.service_account_impersonation_url {
        Some(url) => impersonate(http, &token.value, url).await,
        None => Ok(token),
    }
}

/// Exchanges another provider's token for one of Google.
pub async fn federated(http: &Http, account: &ExternalAccount) -> Result<Token, CredentialError> {
    let subject = subject_token(http, &account.credential_source).await?;
    let form = [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("audience", &account.audience),
        ("scope", SCOPE),
        ("subject_token_type", &account.subject_token_type),
        ("subject_token", subject.expose()),
    ];
    post(http, &account.token_url, &form).await
}

/// Reads the subject token from a file, or from a URL as on GitHub Actions.
async fn subject_token(http: &Http, source: &CredentialSource) -> Result<Secret, CredentialError> {
    let text = if let Some(path) = &source.file {
        fs::read_to_string(path)
            .map_err(|error| CredentialError::new(format!("failed to read {path}: {error}")))?
    } else if let Some(url) = &source.url {
        let url = checked(url)?;
        let host = host_of(&url);
        let sent = http.send(&host, |client| {
            let headers = source.headers.iter();
            headers.fold(client.get(&url), |request, (name, value)| {
                request.header(name, value.expose())
            })
        });
        let reply = sent.await.map_err(CredentialError::new)?;
        if !reply.status.is_success() {
            return Err(refusal(&host, reply.status.as_u16(), &reply.body));
        }
        String::from_utf8(reply.body).map_err(CredentialError::new)?
    } else {
        return Err(CredentialError::new(
            "unsupported credential_source; use a file or a URL",
        ));
    };
    if source.format.kind != "json" {
        return Ok(Secret::new(text.trim().to_owned()));
    }
    let field = &source.format.subject_token_field_name;
    let document: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|_| CredentialError::new("the subject token's document is not JSON"))?;
    match document.get(field).and_then(Value::as_str) {
        Some(token) => Ok(Secret::new(token.to_owned())),
        None => Err(CredentialError::new(format!(
            "the subject token's document has no {field:?}"
        ))),
    }
}

/// Returns the URL that issues access tokens for a service account.
pub fn impersonation_url(email: &str) -> String {
    format!(
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
    )
}

/// Requests an access token for the service account in `url`.
pub async fn impersonate(http: &Http, token: &Secret, url: &str) -> Result<Token, CredentialError> {
    let host = host_of(url);
    let body = GenerateAccessTokenRequest {
        scope: [SCOPE],
        lifetime: "3600s",
    };
    let reply = http
        .send(&host, |client| {
            client.post(url).bearer_auth(token.expose()).json(&body)
        })
        .await
        .map_err(CredentialError::new)?;
    if !reply.status.is_success() {
        let why = refusal(&host, reply.status.as_u16(), &reply.body);
        return Err(CredentialError::new(format!(
            "{why} (impersonating a service account requires roles/iam.serviceAccountTokenCreator on it)"
        )));
    }
    let answer: Impersonated = serde_json::from_slice(&reply.body)
        .map_err(|_| CredentialError::new(format!("{host} did not return a token")))?;
    Ok(Token {
        value: Secret::new(answer.access_token),
        expires: SystemTime::now() + Duration::from_secs(3300),
    })
}

/// An error of a token endpoint (RFC 6749 §5.2), or of another API of Google.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorResponse {
    error: ErrorCode,
    error_description: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorCode {
    Code(String),
    Status { message: String },
    None {},
}

impl Default for ErrorCode {
    fn default() -> Self {
        Self::None {}
    }
}

/// Returns the endpoint's error message. Never contains a token.
fn refusal(host: &str, status: u16, body: &[u8]) -> CredentialError {
    let response: ErrorResponse = serde_json::from_slice(body).unwrap_or_default();
    let message = response.error_description.or(match response.error {
        ErrorCode::Status { message } => Some(message),
        ErrorCode::Code(code) => Some(code),
        ErrorCode::None {} => None,
    });
    let message = message.as_deref().unwrap_or("no message");
    CredentialError::new(format!("{host} refused with HTTP {status}: {message}"))
}

fn host_of(url: &str) -> String {
    url::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}
