//! Obtains tokens from the metadata server of Google's machines.

use std::time::Duration;

use mcpo_common::secret::Secret;
use serde::Deserialize;

use super::{CredentialError, Token};
use crate::google::http::Http;

/// The IP address, not the host name: DNS could return any address for the name.
const ADDRESS: &str = "169.254.169.254";
const BODY_LIMIT: usize = 64 * 1024;
/// The timeout. On other machines the address is unreachable, which must be detected quickly.
const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

/// Returns the machine's service account and project.
pub async fn look(http: &Http) -> Result<(String, String), CredentialError> {
    let project = get(http, "project/project-id").await?;
    let email = get(http, "instance/service-accounts/default/email").await;
    Ok((
        email.unwrap_or_else(|_| "this machine's service account".to_owned()),
        project,
    ))
}

/// Returns an access token of the machine's account.
pub async fn token(http: &Http) -> Result<Token, CredentialError> {
    let text = get(http, "instance/service-accounts/default/token").await?;
    let answer: Answer = serde_json::from_str(&text)
        .map_err(|_| CredentialError::new("the response is not a token"))?;
    Ok(Token::lasting(
        Secret::new(answer.access_token),
        answer.expires_in,
    ))
}

/// Returns an identity token of the machine's account.
pub async fn identity(http: &Http, audience: &str) -> Result<Secret, CredentialError> {
    let audience: String = url::form_urlencoded::byte_serialize(audience.as_bytes()).collect();
    let path =
        format!("instance/service-accounts/default/identity?audience={audience}&format=full");
    let token = get(http, &path).await?;
    Ok(Secret::new(token.trim().to_owned()))
}

/// Returns the host of the metadata server, or `None` on other machines. There, an unknown server
/// at this address could decide which project secrets are sent to.
fn host() -> Option<String> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let product = || std::fs::read_to_string("/sys/class/dmi/id/product_name").ok();
    let is_google = || {
        set("K_SERVICE").or_else(|| set("CLOUD_RUN_JOB")).is_some()
            || product().is_some_and(|name| name.starts_with("Google"))
    };
    set("GCE_METADATA_HOST").or_else(|| is_google().then(|| ADDRESS.to_owned()))
}

async fn get(http: &Http, path: &str) -> Result<String, CredentialError> {
    let host = host().ok_or_else(|| CredentialError::new("not running on Google Cloud"))?;
    let url = format!("http://{host}/computeMetadata/v1/{path}");
    let request = http
        .client()
        .get(url)
        .header("metadata-flavor", "Google")
        .timeout(TIMEOUT);
    let mut response = request
        .send()
        .await
        .map_err(|_| CredentialError::new("not running on Google Cloud"))?;
    if !response.status().is_success() || response.headers().get("metadata-flavor").is_none() {
        return Err(CredentialError::new(format!(
            "HTTP {}",
            response.status().as_u16()
        )));
    }
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|_| CredentialError::new("the response ended early"))?;
        match chunk {
            Some(chunk) if body.len() + chunk.len() <= BODY_LIMIT => body.extend_from_slice(&chunk),
            Some(_) => return Err(CredentialError::new("the response is too large")),
            None => break,
        }
    }
    String::from_utf8(body).map_err(|_| CredentialError::new("the response is not text"))
}
