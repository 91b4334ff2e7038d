//! Calls GitHub's API with the caller's token: <https://docs.github.com/en/rest>

use mcpo_runtime::{ApiClient, Caller};
use rmcp::schemars;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A client of GitHub's API.
pub struct GitHub {
    api: String,
    client: ApiClient,
}

/// A GitHub account.
#[derive(Debug, PartialEq, Deserialize, Serialize, schemars::JsonSchema)]
pub struct Account {
    pub login: String,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// A list of repositories.
#[derive(Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Repositories {
    pub repositories: Vec<Repository>,
}

/// A repository.
#[derive(Debug, PartialEq, Deserialize, Serialize, schemars::JsonSchema)]
pub struct Repository {
    pub full_name: String,
    pub description: Option<String>,
    pub language: Option<String>,
    #[serde(rename(deserialize = "stargazers_count"))]
    pub stars: u64,
    pub private: bool,
    #[serde(rename(deserialize = "html_url"))]
    pub url: String,
    pub updated_at: Option<String>,
}

impl GitHub {
    /// Returns a client for the API of the GitHub server where users sign in.
    pub fn from_env() -> Self {
        let set = |name| std::env::var(name).ok().filter(|url| !url.is_empty());
        let api =
            set("GITHUB_API_URL").or_else(|| set("GITHUB_SERVER_URL").map(|url| api_of(&url)));
        Self::new(&api.unwrap_or_else(|| api_of("https://github.com")))
    }

    /// Returns a client for the API at this URL.
    pub fn new(api: &str) -> Self {
        Self {
            api: api.to_owned(),
            client: ApiClient::new(),
        }
    }

    /// Returns the caller's account.
    pub async fn account(&self, caller: &Caller) -> Result<Account, String> {
        self.get(caller, "user", &[]).await
    }

    /// Returns the caller's own repositories.
    pub async fn repositories(&self, caller: &Caller, limit: u8) -> Result<Repositories, String> {
        let query = [("sort", "updated"), ("per_page", &limit.to_string())];
        let repositories = self.get(caller, "user/repos", &query).await?;
        Ok(Repositories { repositories })
    }

    /// Returns the repositories that the caller has starred.
    pub async fn starred(&self, caller: &Caller, limit: u8) -> Result<Repositories, String> {
        let query = [("per_page", &*limit.to_string())];
        let repositories = self.get(caller, "user/starred", &query).await?;
        Ok(Repositories { repositories })
    }

    /// Sends a request. The error is a text for the model, which gets it as the tool's result.
    async fn get<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, String> {
        let token = caller.upstream_token().await;
        let token = token.map_err(|error| error.to_string())?;
        let request = self
            .client
            .get(format!("{}/{path}", self.api))
            .query(query)
            .bearer_auth(token.secret())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        let answer = request.send().await;
        let answer = answer.map_err(|_| "GitHub cannot be reached at the moment")?;
        let had_enough = answer.header("x-ratelimit-remaining") == Some("0");
        match answer.status() {
            200 => {
                let read = answer.json();
                read.map_err(|_| "GitHub sent an unexpected answer".into())
            }
            // The user has removed the app or signed out everywhere, and must sign in again.
            401 => Err(caller.upstream_refused().await.to_string()),
            403 | 429 if had_enough => {
                Err("GitHub's rate limit is reached; try again later".into())
            }
            403 => Err("GitHub does not allow this app to read that".into()),
            status => Err(format!("GitHub answered with status {status}")),
        }
    }
}

/// Returns the API's URL for a GitHub server. An Enterprise Server has its API under its own URL.
pub fn api_of(server: &str) -> String {
    let server = server.trim_end_matches('/');
    if server == "https://github.com" {
        "https://api.github.com".to_owned()
    } else {
        format!("{server}/api/v3")
    }
}
