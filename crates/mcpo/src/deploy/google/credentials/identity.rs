//! Identity tokens: they say who somebody is to one service, where access tokens say what Google
//! lets them do. A private service's front takes nothing else.
//! <https://cloud.google.com/run/docs/authenticating/service-to-service>

use std::time::{Duration, SystemTime};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use gcp_auth::CustomServiceAccount;
use serde_json::{Value, json};

use super::{
    Credentials, NoToken, SCOPE, Source, Token, exchange, file::CredentialFile, gcloud, metadata,
    unpacked,
};
use crate::{deploy::google::http::Http, walk::Secret};

const LIFETIME: Duration = Duration::from_secs(3600);
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

impl Credentials {
    /// A token that tells the service at `audience` who this is.
    pub async fn identity_token(&self, audience: &str) -> Result<Secret, NoToken> {
        if let Some(email) = &self.impersonated {
            let own = self.fetch().await?;
            let url = exchange::impersonation_url(email);
            return of_account(&self.http, &own.value, &url, audience).await;
        }
        match &self.source {
            Source::Given(_) => Err(NoToken::new("an access token gives no identity token")),
            Source::File(file) => of_file(&self.http, file, audience).await,
            Source::Metadata => metadata::identity(&self.http, audience).await,
            Source::Gcloud => gcloud::identity().await,
        }
    }
}

async fn of_file(http: &Http, file: &CredentialFile, audience: &str) -> Result<Secret, NoToken> {
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
        CredentialFile::AuthorizedUser(_) => Err(NoToken::new(
            "a user's file gives no identity token that a service takes; try --impersonate-service-account",
        )),
        CredentialFile::ExternalAccount(account) => {
            let Some(url) = &account.service_account_impersonation_url else {
                return Err(NoToken::new(
                    "another provider's token gives no identity token without a service account",
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

/// One of the service account that `url`, which makes access tokens, is about.
async fn of_account(
    http: &Http,
    token: &Secret,
    url: &str,
    audience: &str,
) -> Result<Secret, NoToken> {
    let url = url.replace(":generateAccessToken", ":generateIdToken");
    let body = json!({ "audience": audience, "includeEmail": true });
    exchange::identity(http, token, &url, &body).await
}

/// An access token for what the account's own key signs, over our own client.
pub async fn exchange_own(
    http: &Http,
    file: &CredentialFile,
    text: &Secret,
    token_uri: &str,
) -> Result<Token, NoToken> {
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

/// What the account's own key signs: who it is, and the claim that says what for.
fn assertion(
    file: &Secret,
    email: &str,
    token_uri: &str,
    (claim, value): (&str, &str),
) -> Result<Secret, NoToken> {
    let failed = |error: &gcp_auth::Error| NoToken::new(unpacked(error));
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
