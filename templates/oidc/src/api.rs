//! Calls an API that accepts the access tokens of the provider where users sign in.

use mcpo_runtime::{ApiClient, ApiError, Caller};

/// The maximum size of a response in bytes. A longer response is of no use to a model.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A client of the API.
pub struct Api {
    url: Option<String>,
    client: ApiClient,
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
            client: ApiClient::new(),
        }
    }

    /// Calls the API as `caller` and returns its response. The error is a text for the model, which
    /// gets it as the tool's result.
    pub async fn get(&self, caller: &Caller) -> Result<String, String> {
        let url = self.url.as_ref();
        let url = url.ok_or("API_URL is not set on this server")?;
        let token = caller.upstream_token().await;
        let token = token.map_err(|error| error.to_string())?;
        let request = self
            .client
            .get(url)
            .bearer_auth(token.secret())
            .header("accept", "application/json")
            .max_response_len(LONGEST_ANSWER);
        let answer = request.send().await.map_err(|error| match error {
            ApiError::TooLong => "the API's answer is too long",
            ApiError::Interrupted => "the connection closed in the middle of the API's answer",
            _ => "the API cannot be reached at the moment",
        })?;
        match answer.status() {
            200 => {
                let text = answer.text().map(str::to_owned);
                text.map_err(|_| "the API's answer is not UTF-8 text".into())
            }
            // The provider has ended the sign-in, so the user must sign in again.
            401 => Err(caller.upstream_refused().await.to_string()),
            403 => Err("the API does not allow you to read that".into()),
            status => Err(format!("the API answered with status {status}")),
        }
    }
}
