//! Reads credential files: the key of a service account, the refresh token of a user, the token of
//! another identity provider, or one of these that impersonates a service account.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use gcp_auth::{CustomServiceAccount, TokenProvider as _};
use mcpo_common::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use super::{CredentialError, SCOPE, Token, exchange, identity, unpacked};
use crate::google::http::Http;

/// The clock error above which a rejected signature is attributed to the clock.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(120);
const REFRESH_URL: &str = "https://oauth2.googleapis.com/token";

/// The content of a credential file.
#[derive(Debug)]
pub enum CredentialFile {
    ServiceAccount {
        text: Secret,
        email: String,
        project: Option<String>,
        token_uri: String,
    },
    AuthorizedUser(AuthorizedUser),
    ExternalAccount(Box<ExternalAccount>),
    Impersonated {
        source: Box<CredentialFile>,
        url: String,
    },
}

#[derive(Debug, Deserialize)]
pub struct AuthorizedUser {
    client_id: String,
    #[serde(deserialize_with = "secret")]
    client_secret: Secret,
    #[serde(deserialize_with = "secret")]
    refresh_token: Secret,
    quota_project_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct ExternalAccount {
    pub audience: String,
    pub subject_token_type: String,
    pub token_url: String,
    pub service_account_impersonation_url: Option<String>,
    pub credential_source: CredentialSource,
}

/// Where the token of another identity provider is read from. Unsupported sources have neither a
/// file nor a URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CredentialSource {
    pub file: Option<String>,
    pub url: Option<String>,
    /// They may contain a bearer token.
    pub headers: BTreeMap<String, Secret>,
    pub format: SourceFormat,
}

/// The format of the file or of the URL's response.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct SourceFormat {
    /// `json`, or text by default.
    #[serde(rename = "type")]
    pub kind: String,
    pub subject_token_field_name: String,
}

impl Default for SourceFormat {
    fn default() -> Self {
        Self {
            kind: "text".to_owned(),
            subject_token_field_name: "access_token".to_owned(),
        }
    }
}

/// The members that decide how a credential file is read.
#[derive(Deserialize)]
struct FileKind {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The key file of a service account. The key is read by `gcp_auth`.
#[derive(Deserialize)]
struct ServiceAccountKey {
    client_email: String,
    project_id: Option<String>,
    token_uri: Option<String>,
}

/// A file that impersonates a service account with other credentials.
#[derive(Deserialize)]
struct ImpersonatedServiceAccount {
    source_credentials: Value,
    service_account_impersonation_url: String,
}

impl CredentialFile {
    pub fn read(path: &Path) -> Result<Self, CredentialError> {
        let text = fs::read_to_string(path)
            .map_err(|error| CredentialError::new(format!("failed to read the file: {error}")))?;
        let file: Value = serde_json::from_str(&text)
            .map_err(|_| CredentialError::new("the file is not JSON"))?;
        Self::parse(&file)
    }

    fn parse(file: &Value) -> Result<Self, CredentialError> {
        let bad = |error: serde_json::Error| {
            CredentialError::new(format!("the file is incomplete: {error}"))
        };
        let kind = FileKind::deserialize(file).map_err(bad)?.kind;
        match kind.as_deref() {
            Some("service_account") => {
                let key = ServiceAccountKey::deserialize(file).map_err(bad)?;
                Ok(Self::ServiceAccount {
                    text: Secret::new(file.to_string()),
                    email: key.client_email,
                    token_uri: checked(key.token_uri.as_deref().unwrap_or(REFRESH_URL))?,
                    project: key.project_id,
                })
            }
            Some("authorized_user") => AuthorizedUser::deserialize(file)
                .map(Self::AuthorizedUser)
                .map_err(bad),
            Some("external_account") => {
                let account = ExternalAccount::deserialize(file).map_err(bad)?;
                checked(&account.token_url)?;
                account
                    .service_account_impersonation_url
                    .as_deref()
                    .map(checked)
                    .transpose()?;
                Ok(Self::ExternalAccount(Box::new(account)))
            }
            Some("impersonated_service_account") => {
                let account = ImpersonatedServiceAccount::deserialize(file).map_err(bad)?;
                Ok(Self::Impersonated {
                    source: Box::new(Self::parse(&account.source_credentials)?),
                    url: checked(&account.service_account_impersonation_url)?,
                })
            }
            Some(other) => Err(CredentialError::new(format!(
                "unsupported credential type {other:?}"
            ))),
            None => Err(CredentialError::new(
                "the file has no type, so it is not a credential file",
            )),
        }
    }

    pub fn who(&self) -> String {
        match self {
            Self::ServiceAccount { email, .. } => email.clone(),
            Self::AuthorizedUser(_) => "the signed-in user".to_owned(),
            Self::ExternalAccount(account) => match &account.service_account_impersonation_url {
                Some(url) => impersonated_email(url),
                None => account.audience.clone(),
            },
            Self::Impersonated { url, .. } => impersonated_email(url),
        }
    }

    pub fn project(&self) -> Option<String> {
        match self {
            Self::ServiceAccount { project, .. } => project.clone(),
            Self::AuthorizedUser(user) => user.quota_project_id.clone(),
            Self::ExternalAccount(_) => None,
            Self::Impersonated { source, .. } => source.project(),
        }
    }

    /// Returns the project whose quota a user's calls use.
    pub fn quota_project(&self) -> Option<&str> {
        match self {
            Self::AuthorizedUser(user) => user.quota_project_id.as_deref(),
            _ => None,
        }
    }

    pub async fn fetch(&self, http: &Http) -> Result<Token, CredentialError> {
        match self {
            Self::ServiceAccount {
                text, token_uri, ..
            } if http.is_proxied(token_uri) => {
                // gcp_auth's client ignores proxies.
                identity::exchange_own(http, self, text, token_uri).await
            }
            Self::ServiceAccount {
                text, token_uri, ..
            } => {
                let asked = async {
                    let provider = CustomServiceAccount::from_json(text.expose())?;
                    provider.token(&[SCOPE]).await
                };
                match asked.await {
                    Ok(token) => Ok(Token::from_gcp_auth(&token)),
                    Err(error) => Err(explain(http, token_uri, &error).await),
                }
            }
            Self::AuthorizedUser(user) => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", &user.client_id),
                    ("client_secret", user.client_secret.expose()),
                    ("refresh_token", user.refresh_token.expose()),
                ];
                exchange::post(http, REFRESH_URL, &form).await
            }
            Self::ExternalAccount(account) => exchange::external(http, account).await,
            Self::Impersonated { source, url } => {
                let token = Box::pin(source.fetch(http)).await?;
                exchange::impersonate(http, &token.value, url).await
            }
        }
    }
}

/// Returns the email in `…/serviceAccounts/EMAIL:generateAccessToken`.
fn impersonated_email(url: &str) -> String {
    let name = url.rsplit('/').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default().to_owned()
}

/// Checks that a URL uses TLS or refers to this machine, because secrets are sent to it.
pub fn checked(text: &str) -> Result<String, CredentialError> {
    let url = url::Url::parse(text)
        .map_err(|_| CredentialError::new(format!("the file contains an invalid URL: {text:?}")))?;
    let is_here = matches!(
        url.host_str(),
        Some("localhost" | "127.0.0.1" | "[::1]" | "169.254.169.254")
    );
    if url.scheme() == "https" || (url.scheme() == "http" && is_here) {
        Ok(text.to_owned())
    } else {
        Err(CredentialError::new(format!(
            "the file contains a URL without https: {text:?}"
        )))
    }
}

/// Explains a rejected signature. Google's message does not mention the clock, so check the clock
/// first.
async fn explain(http: &Http, token_uri: &str, error: &gcp_auth::Error) -> CredentialError {
    clock(http, token_uri).await.unwrap_or_else(|| {
        let why = unpacked(error);
        // Google rejected the key, as opposed to an error on the way to Google.
        let is_refused = why.contains("invalid_grant") || why.contains("HTTP status");
        let hint = "; the key may have been deleted or disabled";
        CredentialError::new(format!("{why}{}", if is_refused { hint } else { "" }))
    })
}

/// Returns the reason if this machine's clock is wrong.
pub async fn clock(http: &Http, token_uri: &str) -> Option<CredentialError> {
    let asked = http
        .client()
        .get(token_uri)
        .timeout(Duration::from_secs(10))
        .send()
        .await;
    let date = asked.ok().and_then(|response| {
        let date = response.headers().get("date")?.to_str().ok()?;
        httpdate::parse_http_date(date).ok()
    });
    let now = SystemTime::now();
    if let Some(date) = date {
        let (apart, which) = match now.duration_since(date) {
            Ok(ahead) => (ahead, "ahead"),
            Err(behind) => (behind.duration(), "behind"),
        };
        if apart > CLOCK_TOLERANCE {
            let minutes = (apart.as_secs() + 30) / 60;
            return Some(CredentialError::new(format!(
                "Google refused the signature, and this machine's clock is {minutes} minutes {which}; set the clock"
            )));
        }
    }
    None
}

fn secret<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Secret, D::Error> {
    String::deserialize(source).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CredentialFile;

    #[test]
    fn debug_output_contains_no_bearer_token() {
        let file = json!({
            "type": "external_account", "audience": "a", "subject_token_type": "t",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {
                "url": "https://ci.example.com", "headers": { "Authorization": "Bearer abcdef" },
            },
        });
        let read = CredentialFile::parse(&file).unwrap();
        let text = format!("{read:?}");
        assert!(text.contains("Authorization"), "{text}");
        assert!(!text.contains("abcdef"), "{text}");
    }
}
