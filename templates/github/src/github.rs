//! GitHub's API, as the caller: <https://docs.github.com/en/rest>

use mcpo_runtime::{
    Caller,
    reqwest::{Client, StatusCode},
};
use rmcp::{ErrorData, schemars};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The API.
pub struct GitHub {
    api: String,
    client: Option<Client>,
}

/// Somebody's account.
#[derive(Debug, PartialEq, Deserialize, Serialize, schemars::JsonSchema)]
pub struct Account {
    pub login: String,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// Several repositories.
#[derive(Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Repositories {
    pub repositories: Vec<Repository>,
}

/// One of them.
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
    /// The API that belongs to where people sign in.
    pub fn from_env() -> Self {
        let set = |name| std::env::var(name).ok().filter(|url| !url.is_empty());
        let api =
            set("GITHUB_API_URL").or_else(|| set("GITHUB_SERVER_URL").map(|url| api_of(&url)));
        Self::new(&api.unwrap_or_else(|| api_of("https://github.com")))
    }

    /// The API at this URL.
    pub fn new(api: &str) -> Self {
        Self {
            api: api.to_owned(),
            client: mcpo_runtime::http_client().ok(),
        }
    }

    /// Whose token it is.
    pub async fn account(&self, caller: &Caller) -> Result<Account, ErrorData> {
        self.get(caller, "user", &[]).await
    }

    /// The caller's own repositories.
    pub async fn repositories(
        &self,
        caller: &Caller,
        limit: u8,
    ) -> Result<Repositories, ErrorData> {
        let query = [("sort", "updated"), ("per_page", &limit.to_string())];
        let repositories = self.get(caller, "user/repos", &query).await?;
        Ok(Repositories { repositories })
    }

    /// What the caller has starred.
    pub async fn starred(&self, caller: &Caller, limit: u8) -> Result<Repositories, ErrorData> {
        let query = [("per_page", &*limit.to_string())];
        let repositories = self.get(caller, "user/starred", &query).await?;
        Ok(Repositories { repositories })
    }

    async fn get<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ErrorData> {
        let client = self.client.as_ref();
        let client = client.ok_or_else(|| failed("this server cannot set up TLS"))?;
        let token = caller.upstream_token().await?;
        let request = client
            .get(format!("{}/{path}", self.api))
            .query(query)
            .bearer_auth(token.secret())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        let answer = request.send().await;
        let answer = answer.map_err(|_| failed("GitHub cannot be reached at the moment"))?;
        let had_enough = answer
            .headers()
            .get("x-ratelimit-remaining")
            .is_some_and(|left| left == "0");
        match answer.status() {
            StatusCode::OK => {
                let read = answer.json().await;
                read.map_err(|_| failed("GitHub's answer is not what its documentation says"))
            }
            // The person has removed the app, or signed out everywhere: have them sign in again.
            StatusCode::UNAUTHORIZED => Err(caller.upstream_refused().await.into()),
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if had_enough => {
                Err(failed("GitHub wants fewer requests; try again later"))
            }
            StatusCode::FORBIDDEN => Err(failed("GitHub does not let this app see that")),
            status => Err(failed(&format!("GitHub answers with status {status}"))),
        }
    }
}

/// The API of a server: an Enterprise Server has it below itself.
pub fn api_of(server: &str) -> String {
    let server = server.trim_end_matches('/');
    if server == "https://github.com" {
        "https://api.github.com".to_owned()
    } else {
        format!("{server}/api/v3")
    }
}

fn failed(what: &str) -> ErrorData {
    ErrorData::internal_error(what.to_owned(), None)
}
