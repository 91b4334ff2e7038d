//! An API that takes the access tokens of the provider where people sign in.

use mcpo_runtime::{
    Caller,
    reqwest::{Client, StatusCode},
};
use rmcp::ErrorData;

/// More than this is no answer for a model.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The API.
pub struct Api {
    url: Option<String>,
    client: Option<Client>,
}

impl Api {
    /// The API that `API_URL` names.
    pub fn from_env() -> Self {
        Self::new(std::env::var("API_URL").ok().filter(|url| !url.is_empty()))
    }

    /// The API at this URL.
    pub fn new(url: Option<String>) -> Self {
        Self {
            url,
            client: mcpo_runtime::http_client().ok(),
        }
    }

    /// What it answers to `caller`.
    pub async fn get(&self, caller: &Caller) -> Result<String, ErrorData> {
        let url = self.url.as_ref();
        let url = url.ok_or_else(|| failed("API_URL is not set on this server"))?;
        let client = self.client.as_ref();
        let client = client.ok_or_else(|| failed("this server cannot set up TLS"))?;
        let token = caller.upstream_token().await?;
        let request = client
            .get(url)
            .bearer_auth(token.secret())
            .header("accept", "application/json");
        let answer = request.send().await;
        let mut answer = answer.map_err(|_| failed("the API cannot be reached at the moment"))?;
        match answer.status() {
            StatusCode::OK => {}
            // The provider has ended the sign-in: have the person sign in again.
            StatusCode::UNAUTHORIZED => return Err(caller.upstream_refused().await.into()),
            StatusCode::FORBIDDEN => return Err(failed("the API does not let you see that")),
            status => return Err(failed(&format!("the API answers with status {status}"))),
        }
        let mut text = Vec::new();
        let broken = |_| failed("the API's answer broke off");
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            text.extend_from_slice(&chunk);
            if text.len() > LONGEST_ANSWER {
                return Err(failed("the API's answer is too long"));
            }
        }
        String::from_utf8(text).map_err(|_| failed("the API's answer is no text"))
    }
}

fn failed(what: &str) -> ErrorData {
    ErrorData::internal_error(what.to_owned(), None)
}
