//! Requests with bounds: time, size, redirects and reach.

mod guard;
mod pool;
mod tls;
mod trouble;

use std::{rc::Rc, time::Duration};

use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, LOCATION},
};
use serde::de::DeserializeOwned;
use url::Url;

use self::pool::{Pool, Speaker};
pub use self::{
    guard::{Reach, is_loopback},
    trouble::Trouble,
};
use super::text::clean;

/// The most that is read of any answer.
pub const BODY_LIMIT: usize = 1024 * 1024;
/// How many redirects of a metadata document are followed.
const REDIRECT_LIMIT: usize = 5;

/// Sends requests and reads answers within bounds.
pub struct Exchange {
    pool: Rc<Pool>,
    reach: Reach,
    timeout: Duration,
}

/// A whole answer, read within bounds.
pub struct Answer {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    pub fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The answer in a few words, for a report.
    pub fn summary(&self) -> String {
        describe(self.status, &self.text())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<Url> {
        if !self.status.is_redirection() {
            return None;
        }
        self.url.join(self.header(LOCATION)?).ok()
    }
}

/// A status and what stands in the body, in a few words.
pub fn describe(status: StatusCode, body: &str) -> String {
    let status = format!("HTTP {}", status.as_u16());
    match clean(body).as_str() {
        "" => status,
        body => format!("{status}, {body}"),
    }
}

impl Exchange {
    pub fn new(target: &Url, reach: Reach, timeout: Duration) -> Self {
        Self {
            pool: Rc::new(Pool::new(target, reach)),
            reach,
            timeout,
        }
    }

    /// The same connections and cookies, with another limit.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            pool: Rc::clone(&self.pool),
            timeout,
            ..*self
        }
    }

    /// Somebody else: no cookie and no connection in common.
    pub fn stranger(&self) -> Self {
        Self {
            pool: Rc::new(self.pool.anew()),
            ..*self
        }
    }

    /// How long the server may take for one answer.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A request of the client.
    pub fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Trouble> {
        self.prepared(Speaker::Client, method, url)
    }

    /// A request of the person's browser.
    pub fn browse(&self, method: Method, url: &Url) -> Result<RequestBuilder, Trouble> {
        self.prepared(Speaker::Browser, method, url)
    }

    fn prepared(
        &self,
        speaker: Speaker,
        method: Method,
        url: &Url,
    ) -> Result<RequestBuilder, Trouble> {
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err(Trouble::Insecure(url.clone()));
        }
        self.reach
            .check(url)
            .map_err(|blocked| Trouble::Blocked(blocked.to_string()))?;
        Ok(self.pool.get(speaker, url)?.request(method, url.clone()))
    }

    /// The whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        self.within(async {
            let response = request
                .send()
                .await
                .map_err(|error| Trouble::from_reqwest(&error))?;
            Self::read(response).await
        })
        .await
    }

    /// The head of an answer; its body, which may be a stream, is left alone.
    pub async fn send_for_head(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        self.within(async {
            let mut response = request
                .send()
                .await
                .map_err(|error| Trouble::from_reqwest(&error))?;
            Ok(Answer {
                url: response.url().clone(),
                status: response.status(),
                headers: std::mem::take(response.headers_mut()),
                body: Vec::new(),
            })
        })
        .await
    }

    /// Ends `work` when its time is up, however slowly bytes may still be dripping in.
    pub async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or(Err(Trouble::TimedOut(self.timeout)))
    }

    /// The rest of an answer, if it is no larger than [`BODY_LIMIT`].
    pub async fn read(mut response: Response) -> Result<Answer, Trouble> {
        let mut answer = Answer {
            url: response.url().clone(),
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: Vec::new(),
        };
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| Trouble::from_reqwest(&error))?
        {
            if answer.body.len() + chunk.len() > BODY_LIMIT {
                return Err(Trouble::TooLarge);
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// A document, following redirects by hand so that every hop is checked.
    pub async fn fetch(&self, url: &Url) -> Result<Answer, Trouble> {
        let mut next = url.clone();
        for _ in 0..=REDIRECT_LIMIT {
            let request = self
                .request(Method::GET, &next)?
                .header("accept", "application/json");
            let answer = self.send(request).await?;
            match answer.location() {
                Some(location) => next = location,
                None => return Ok(answer),
            }
        }
        Err(Trouble::TooManyRedirects)
    }
}
