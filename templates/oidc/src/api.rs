//! Calls an API that accepts the access tokens of the provider where users sign in.

use mcpo_runtime::{
    Caller,
    reqwest::{Client, StatusCode},
};
use rmcp::ErrorData;

/// The maximum size of a response in bytes. A longer response is of no use to a model.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A client of the API.
pub struct Api {
    url: Option<String>,
    client: Option<Client>,
}

impl Api {
    /// Returns a client for the API at `API_URL`.
    pub fn from_env() -> Self {
        Self::new(std::env::var("API_URL").ok().filter(|url| !url.is_empty()))
    }

    /// Returns a client for the API at this URL.
    pub fn new(url: Option<String>) -> Self {
        Self {
            url,
            client: mcpo_runtime::http_client().ok(),
        }
    }

    /// Calls the API as `caller` and returns its response.
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
            // The provider has ended the sign-in, so the user must sign in again.
            StatusCode::UNAUTHORIZED => return Err(caller.upstream_refused().await.into()),
            StatusCode::FORBIDDEN => return Err(failed("the API does not allow you to read that")),
            status => return Err(failed(&format!("the API answered with status {status}"))),
        }
        let mut text = Vec::new();
        let broken = |_| failed("the connection closed in the middle of the API's answer");
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            text.extend_from_slice(&chunk);
            if text.len() > LONGEST_ANSWER {
                return Err(failed("the API's answer is too long"));
            }
        }
        String::from_utf8(text).map_err(|_| failed("the API's answer is not UTF-8 text"))
    }
}

fn failed(what: &str) -> ErrorData {
    ErrorData::internal_error(what.to_owned(), None)
}
