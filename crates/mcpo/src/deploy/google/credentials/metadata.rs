//! The metadata server, which every machine of Google's has.

use std::time::Duration;

use serde::Deserialize;

use super::{NoToken, Token};
use crate::{deploy::google::http::Http, walk::Secret};

/// Elsewhere the name leads nowhere, which has to show soon.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

/// Whose machine it is: the account and the project.
pub async fn look(http: &Http) -> Result<(String, String), NoToken> {
    let project = get(http, "project/project-id").await?;
    let email = get(http, "instance/service-accounts/default/email").await;
    Ok((
        email.unwrap_or_else(|_| "this machine's service account".to_owned()),
        project,
    ))
}

/// A token of the machine's account.
pub async fn token(http: &Http) -> Result<Token, NoToken> {
    let text = get(http, "instance/service-accounts/default/token").await?;
    let answer: Answer = serde_json::from_str(&text)
        .map_err(|_| NoToken::new("it answered something else than a token"))?;
    Ok(Token::lasting(
        Secret::new(answer.access_token),
        answer.expires_in,
    ))
}

async fn get(http: &Http, path: &str) -> Result<String, NoToken> {
    let host = std::env::var("GCE_METADATA_HOST")
        .unwrap_or_else(|_| "metadata.google.internal".to_owned());
    let url = format!("http://{host}/computeMetadata/v1/{path}");
    let request = http
        .client()
        .get(url)
        .header("metadata-flavor", "Google")
        .timeout(PATIENCE);
    let response = request
        .send()
        .await
        .map_err(|_| NoToken::new("this is not one of Google's machines"))?;
    if !response.status().is_success() || response.headers().get("metadata-flavor").is_none() {
        return Err(NoToken::new(format!("HTTP {}", response.status().as_u16())));
    }
    let text = response
        .text()
        .await
        .map_err(|_| NoToken::new("it stopped in the middle of its answer"))?;
    Ok(text)
}
