//! Calls Polymarket's public Gamma API:
//! <https://docs.polymarket.com/developers/gamma-markets-api/overview>

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::market::Market;
use mcpo_runtime::{ApiClient, ApiError};

/// How long a response is reused. Prices change, but a model often repeats the same request.
const FRESH: Duration = Duration::from_secs(30);
const MOST_ANSWERS: usize = 100;

/// The time of a cached response, and its markets.
type Answer = (Instant, Arc<[Market]>);

/// A client of the API that caches recent responses.
pub struct Gamma {
    api: String,
    client: ApiClient,
    answers: Mutex<HashMap<String, Answer>>,
}

impl Gamma {
    /// Returns a client for the API at this URL.
    pub fn new(api: &str) -> Self {
        Self {
            api: api.to_owned(),
            client: ApiClient::new(),
            answers: Mutex::default(),
        }
    }

    /// Returns markets that are open for trading, the most traded first.
    pub async fn open(&self, limit: usize) -> Result<Arc<[Market]>, String> {
        self.markets(&[
            ("active", "true"),
            ("closed", "false"),
            ("order", "volume24hr"),
            ("ascending", "false"),
            ("limit", &limit.to_string()),
        ])
        .await
    }

    /// Returns the market with this slug, if it exists.
    pub async fn by_slug(&self, slug: &str) -> Result<Option<Market>, String> {
        let found = self.markets(&[("slug", slug)]).await?;
        Ok(found.first().cloned())
    }

    /// Returns the cached response if it is fresh, and calls the API otherwise.
    async fn markets(&self, query: &[(&str, &str)]) -> Result<Arc<[Market]>, String> {
        let key = format!("{query:?}");
        if let Some(markets) = self.remembered(&key) {
            return Ok(markets);
        }
        let markets: Arc<[Market]> = self.ask(query).await?.into();
        self.remember(key, Arc::clone(&markets));
        Ok(markets)
    }

    fn remembered(&self, key: &str) -> Option<Arc<[Market]>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, markets) = answers.get(key)?;
        (since.elapsed() < FRESH).then(|| Arc::clone(markets))
    }

    fn remember(&self, key: String, markets: Arc<[Market]>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|_, (since, _)| since.elapsed() < FRESH);
        if answers.len() < MOST_ANSWERS {
            answers.insert(key, (Instant::now(), markets));
        }
    }

    async fn ask(&self, query: &[(&str, &str)]) -> Result<Vec<Market>, String> {
        let url = format!("{}/markets", self.api);
        let request = self.client.get(url).query(query);
        let answer = request.send().await.map_err(|error| match error {
            ApiError::Timeout => "Polymarket did not answer in time; try again later",
            _ => "Polymarket cannot be reached at the moment; try again later",
        })?;
        match answer.status() {
            200 => answer
                .json()
                .map_err(|_| "Polymarket sent an unexpected answer".into()),
            429 => Err("Polymarket's rate limit is reached; try again in a minute".into()),
            status => Err(format!("Polymarket answered with status {status}")),
        }
    }
}
