//! Obtains identity tokens, which identify the caller to one service; access tokens grant access to
//! Google's APIs. The front end of a private service accepts only identity tokens.
//! <https://cloud.google.com/run/docs/authenticating/service-to-service>

use std::time::{Duration, SystemTime};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use gcp_auth::CustomServiceAccount;
use mcpo_common::secret::Secret;
use serde_json::{Value, json};

use super::{
    CredentialError, Credentials, SCOPE, Source, Token, exchange, file::CredentialFile, gcloud,
    metadata, unpacked,
};
use crate::google::http::Http;

const LIFETIME: Duration = Duration::from_secs(3600);
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

impl Credentials {
    /// Returns a token that identifies the caller to the service at `audience`.
    pub async fn identity_token(&self, audience: &str) -> Result<Secret, CredentialError> {
        if let Some(email) = &self.impersonated {
            let own = self.fetch().await?;
            let url = exchange::impersonation_url(email);
            return of_account(&self.http, &own.value, &url, audience).await;
        }
        match &self.source {
            Source::Given(_) => Err(CredentialError::new(
                "an access token cannot be used to get an identity token",
            )),
            Source::File(file) => of_file(&self.http, file, audience).await,
            Source::Metadata => metadata::identity(&self.http, audience).await,
            Source::Gcloud => gcloud::identity().await,
        }
    }
}

async fn of_file(
    http: &Http,
    file: &CredentialFile,
    audience: &str,
) -> Result<Secret, CredentialError> {
    match file {
        CredentialFile::ServiceAccount {
            text,
            email,
            token_uri,
            ..
        } => {
            let assertion = assertion(text, email, token_uri, ("target_audience", audience))?;
            let form = [
                ("grant_type", JWT_BEARER),
                ("assertion", assertion.expose()),
            ];
            exchange::post_for_identity(http, token_uri, &form).await
        }
        CredentialFile::AuthorizedUser(_) => Err(CredentialError::new(
            "user credentials cannot get an identity token for a service; use --impersonate-service-account",
        )),
        CredentialFile::ExternalAccount(account) => {
            let Some(url) = &account.service_account_impersonation_url else {
                return Err(CredentialError::new(
                    "external credentials cannot get an identity token without a service account",
                ));
            };
            let own = exchange::federated(http, account).await?;
            of_account(http, &own.value, url, audience).await
        }
        CredentialFile::Impersonated { source, url } => {
            let own = source.fetch(http).await?;
            of_account(http, &own.value, url, audience).await
        }
    }
}

/// Requests an identity token for the service account in `url`, the URL that issues its access
/// tokens.
async fn of_account(
    http: &Http,
    token: &Secret,
    url: &str,
    audience: &str,
) -> Result<Secret, CredentialError> {
    let url = url.replace(":generateAccessToken", ":generateIdToken");
    let body = exchange::GenerateIdTokenRequest {
        audience,
        include_email: true,
    };
    exchange::identity(http, token, &url, &body).await
}

/// Exchanges an assertion signed with the account's key for an access token, with mcpo's own HTTP
/// client.
pub async fn exchange_own(
    http: &Http,
    file: &CredentialFile,
    text: &Secret,
    token_uri: &str,
) -> Result<Token, CredentialError> {
    let assertion = assertion(text, &file.who(), token_uri, ("scope", SCOPE))?;
    let form = [
        ("grant_type", JWT_BEARER),
        ("assertion", assertion.expose()),
    ];
    match exchange::post(http, token_uri, &form).await {
        Ok(token) => Ok(token),
        Err(why) => Err(super::file::clock(http, token_uri).await.unwrap_or(why)),
    }
}

/// Returns an assertion signed with the account's key, with `claim` as the requested scope or
/// audience.
fn assertion(
    file: &Secret,
    email: &str,
    token_uri: &str,
    (claim, value): (&str, &str),
) -> Result<Secret, CredentialError> {
    let failed = |error: &gcp_auth::Error| CredentialError::new(unpacked(error));
    let account = CustomServiceAccount::from_json(file.expose()).map_err(|error| failed(&error))?;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(json!({ "alg": "RS256", "typ": "JWT" })),
        part(json!({
            "iss": email,
            "sub": email,
            "aud": token_uri,
            claim: value,
            "iat": now.as_secs(),
            "exp": (now + LIFETIME).as_secs(),
        }))
    );
    let signature = account
        .signer()
        .sign(signed.as_bytes())
        .map_err(|error| failed(&error))?;
    let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
    Ok(Secret::new(format!("{signed}.{signature}")))
}
