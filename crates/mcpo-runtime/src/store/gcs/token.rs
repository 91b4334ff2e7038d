//! Gets access tokens for the service account of the server from the metadata server.
//! <https://cloud.google.com/run/docs/container-contract#metadata-server>

use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode};
use reqwest::Client;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::{http as wire, http::Trouble};

const WHOM: &str = "the metadata server";
const PATH: &str = "computeMetadata/v1/instance/service-accounts/default/token";
/// How long before its expiry a token is replaced. The metadata server returns the same token until
/// five minutes before the expiry, so a longer margin would have no effect.
const MARGIN: Duration = Duration::from_secs(120);

pub(super) struct Tokens {
    source: Option<Url>,
    /// Locked while a new token is requested, so that only one request is sent.
    latest: Mutex<Option<Known>>,
}

struct Known {
    header: HeaderValue,
    good_until: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// In seconds.
    expires_in: u64,
}

impl Tokens {
    pub(super) fn new(source: Option<Url>) -> Self {
        Self {
            source,
            latest: Mutex::new(None),
        }
    }

    /// Returns the value of the `Authorization` header, or `None` if no token is needed.
    pub(super) async fn current(&self, client: &Client) -> Result<Option<HeaderValue>, Trouble> {
        let Some(source) = &self.source else {
            return Ok(None);
        };
        let mut latest = self.latest.lock().await;
        if let Some(known) = &*latest
            && known.good_until > Instant::now()
        {
            return Ok(Some(known.header.clone()));
        }
        let known = fetch(client, source).await?;
        let header = known.header.clone();
        *latest = Some(known);
        drop(latest);
        Ok(Some(header))
    }

    /// Forgets the current token after it was rejected.
    pub(super) async fn forget(&self) {
        *self.latest.lock().await = None;
    }
}

async fn fetch(client: &Client, source: &Url) -> Result<Known, Trouble> {
    let unusable = |what: &str| Trouble::Lasting(format!("{WHOM} failed: {what}"));
    let url = source.join(PATH).map_err(|_| unusable("invalid URL"))?;
    let request = client.get(url).header("metadata-flavor", "Google");
    let asked_at = Instant::now();
    let answer = wire::ask(WHOM, request).await?;
    if answer.status() != StatusCode::OK {
        return Err(unusable(&answer.status().to_string()));
    }
    let body = wire::body(WHOM, answer).await?;
    // The error would contain part of the response, and so the token.
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| unusable("the response has no token"))?;
    let header = HeaderValue::from_str(&format!("Bearer {}", answer.access_token));
    let mut header = header.map_err(|_| unusable("the response has an invalid token"))?;
    header.set_sensitive(true);
    let lifetime = Duration::from_secs(answer.expires_in.min(24 * 60 * 60));
    Ok(Known {
        header,
        good_until: asked_at + lifetime.saturating_sub(MARGIN),
    })
}
