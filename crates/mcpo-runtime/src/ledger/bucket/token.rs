//! Access tokens of the service account that the server runs as, from the metadata server.
//! <https://cloud.google.com/run/docs/container-contract#metadata-server>

use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode};
use reqwest::Client;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::http::{self as wire, Trouble};

const WHOM: &str = "the metadata server";
const PATH: &str = "computeMetadata/v1/instance/service-accounts/default/token";
/// A token is replaced before it expires. The metadata server hands out the same one until five
/// minutes before that, so a longer margin would gain nothing.
const MARGIN: Duration = Duration::from_secs(120);

pub(super) struct Tokens {
    source: Option<Url>,
    /// Held while a new one is asked for, so that only one is.
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

    /// The value of an `Authorization` header, where one is to be sent.
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

    /// The current one was refused.
    pub(super) async fn forget(&self) {
        *self.latest.lock().await = None;
    }
}

async fn fetch(client: &Client, source: &Url) -> Result<Known, Trouble> {
    let unusable = |what: &str| Trouble::Lasting(format!("{WHOM} answered {what}"));
    let url = source.join(PATH).map_err(|_| unusable("to no such URL"))?;
    let request = client.get(url).header("metadata-flavor", "Google");
    let asked_at = Instant::now();
    let answer = wire::ask(WHOM, request).await?;
    if answer.status() != StatusCode::OK {
        return Err(unusable(&answer.status().to_string()));
    }
    let body = wire::body(WHOM, answer).await?;
    // The error would quote the answer, and with it the token.
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| unusable("without a token"))?;
    let header = HeaderValue::from_str(&format!("Bearer {}", answer.access_token));
    let mut header = header.map_err(|_| unusable("with a token that is none"))?;
    header.set_sensitive(true);
    let lifetime = Duration::from_secs(answer.expires_in.min(24 * 60 * 60));
    Ok(Known {
        header,
        good_until: asked_at + lifetime.saturating_sub(MARGIN),
    })
}
