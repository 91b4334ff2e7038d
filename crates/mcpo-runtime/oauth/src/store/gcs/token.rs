//! Gets access tokens for the service account of the server from the metadata server.
//! <https://cloud.google.com/run/docs/container-contract#metadata-server>

use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode};
use reqwest::Client;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::{http as wire, http::GcsError};

const SERVICE: &str = "the metadata server";
const TOKEN_PATH: &str = "computeMetadata/v1/instance/service-accounts/default/token";
/// How long before its expiry a token is replaced. The metadata server returns the same token until
/// five minutes before the expiry, so a longer margin would have no effect.
const EXPIRY_MARGIN: Duration = Duration::from_secs(120);

pub(super) struct Tokens {
    source: Option<Url>,
    /// Locked while a new token is requested, so that only one request is sent.
    latest: Mutex<Option<CachedToken>>,
}

struct CachedToken {
    header: HeaderValue,
    good_until: Instant,
}

#[derive(Deserialize)]
struct TokenResponse {
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
    pub(super) async fn current(&self, client: &Client) -> Result<Option<HeaderValue>, GcsError> {
        let Some(source) = &self.source else {
            return Ok(None);
        };
        let mut latest = self.latest.lock().await;
        if let Some(cached) = &*latest
            && cached.good_until > Instant::now()
        {
            return Ok(Some(cached.header.clone()));
        }
        let cached = fetch(client, source).await?;
        let header = cached.header.clone();
        *latest = Some(cached);
        drop(latest);
        Ok(Some(header))
    }

    /// Forgets the current token after it was rejected.
    pub(super) async fn forget(&self) {
        *self.latest.lock().await = None;
    }
}

async fn fetch(client: &Client, source: &Url) -> Result<CachedToken, GcsError> {
    let unusable = |what: &str| GcsError::Permanent(format!("{SERVICE} failed: {what}"));
    let url = source
        .join(TOKEN_PATH)
        .map_err(|_| unusable("invalid URL"))?;
    let request = client.get(url).header("metadata-flavor", "Google");
    let asked_at = Instant::now();
    let response = wire::ask(SERVICE, request).await?;
    if response.status() != StatusCode::OK {
        return Err(unusable(&response.status().to_string()));
    }
    let body = wire::body(SERVICE, response).await?;
    // The error would contain part of the response, and so the token.
    let response: TokenResponse =
        serde_json::from_slice(&body).map_err(|_| unusable("the response has no token"))?;
    let header = HeaderValue::from_str(&format!("Bearer {}", response.access_token));
    let mut header = header.map_err(|_| unusable("the response has an invalid token"))?;
    header.set_sensitive(true);
    let lifetime = Duration::from_secs(response.expires_in.min(24 * 60 * 60));
    Ok(CachedToken {
        header,
        good_until: asked_at + lifetime.saturating_sub(EXPIRY_MARGIN),
    })
}
