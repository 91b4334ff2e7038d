//! Polymarket's public Gamma API: <https://docs.polymarket.com/developers/gamma-markets-api/overview>

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::market::Market;
use mcpo_runtime::reqwest::{Client, StatusCode};

/// How long an answer is good enough: prices move, and a model asks the same thing several times.
const FRESH: Duration = Duration::from_secs(30);
const MOST_ANSWERS: usize = 100;

/// What was answered, and when.
type Answer = (Instant, Arc<[Market]>);

/// The API, with what it said last.
pub struct Gamma {
    api: String,
    client: Option<Client>,
    answers: Mutex<HashMap<String, Answer>>,
}

impl Gamma {
    /// The API at this URL.
    pub fn new(api: &str) -> Self {
        Self {
            api: api.to_owned(),
            client: mcpo_runtime::http_client().ok(),
            answers: Mutex::default(),
        }
    }

    /// Markets that can still be traded.
    pub async fn open(&self, limit: usize) -> Result<Arc<[Market]>, String> {
        self.markets(&[
            ("active", "true"),
            ("closed", "false"),
            ("limit", &limit.to_string()),
        ])
        .await
    }

    /// The market with this slug, if there is one.
    pub async fn by_slug(&self, slug: &str) -> Result<Option<Market>, String> {
        let found = self.markets(&[("slug", slug)]).await?;
        Ok(found.first().cloned())
    }

    /// From memory if that is fresh, or else from the API.
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
        let client = self
            .client
            .as_ref()
            .ok_or("This server cannot set up TLS.")?;
        let request = client.get(format!("{}/markets", self.api)).query(query);
        let answer = request.send().await.map_err(|error| {
            if error.is_timeout() {
                "Polymarket does not answer at the moment; try again later."
            } else {
                "Polymarket cannot be reached at the moment; try again later."
            }
        })?;
        match answer.status() {
            StatusCode::OK => answer.json().await.map_err(|_| {
                "Polymarket's answer is not what its documentation says; nothing was read.".into()
            }),
            StatusCode::TOO_MANY_REQUESTS => {
                Err("Polymarket wants fewer requests; try again in a minute.".into())
            }
            status => Err(format!("Polymarket answers with status {status}.")),
        }
    }
}
