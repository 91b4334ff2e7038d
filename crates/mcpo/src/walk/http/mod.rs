//! Requests with bounds: time, size, redirects and reach.

mod guard;
mod incoming;
mod pool;
mod record;
mod sent;
mod tls;
mod trouble;

use std::{rc::Rc, time::Duration};

use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{ACCEPT, HeaderMap, LOCATION},
};
use serde::de::DeserializeOwned;
use url::{Origin, Url};

use self::pool::{Pool, Speaker};
pub use self::{
    guard::{Guard, Reach, is_loopback, proxy_variable},
    incoming::Incoming,
    record::Recorder,
    sent::{Detail, Sent},
    trouble::Trouble,
};
use super::{
    plan::{Connection, Plan},
    text::clean,
};

/// The most that is read of any answer.
pub const BODY_LIMIT: usize = 1024 * 1024;
/// How many redirects of a metadata document are followed.
const REDIRECT_LIMIT: usize = 5;

/// Sends requests and reads answers within bounds.
#[derive(Clone)]
pub struct Exchange {
    pool: Rc<Pool>,
    reach: Reach,
    timeout: Duration,
    connection: Rc<Connection>,
    origin: Origin,
    recorder: Rc<Recorder>,
}

/// A whole answer, read within bounds.
pub struct Answer {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    fn head(incoming: &mut Incoming) -> Self {
        Self {
            url: incoming.url().clone(),
            status: incoming.status(),
            headers: std::mem::take(incoming.headers_mut()),
            body: Vec::new(),
        }
    }

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
    pub fn new(plan: &Plan, guard: Guard, recorder: Rc<Recorder>) -> Self {
        let connection = Rc::new(plan.connection.clone());
        Self {
            reach: guard.reach(),
            pool: Rc::new(Pool::new(&plan.target, guard, Rc::clone(&connection))),
            timeout: plan.timeout,
            connection,
            origin: plan.target.origin(),
            recorder,
        }
    }

    /// The same connections and cookies, with another limit.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Somebody else: no cookie and no connection in common.
    pub fn stranger(&self) -> Self {
        Self {
            pool: Rc::new(self.pool.anew()),
            ..self.clone()
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

    /// A request of the person's browser, for a page.
    pub fn browse(&self, method: Method, url: &Url) -> Result<RequestBuilder, Trouble> {
        let request = self.prepared(Speaker::Browser, method, url)?;
        Ok(request.header(ACCEPT, "text/html"))
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

    /// Sends `request` as the user wants it dressed. The caller sees to the time it may take.
    pub async fn dispatch(&self, request: RequestBuilder) -> Result<Incoming, Trouble> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|error| Trouble::from_reqwest(&error))?;
        // What is meant for the server is nobody else's business.
        if request.url().origin() == self.origin {
            for (name, value) in &self.connection.headers {
                if !request.headers().contains_key(name) {
                    request.headers_mut().append(name, value.clone());
                }
            }
        }
        let record = self.recorder.begin(&request);
        match client.execute(request).await {
            Ok(response) => {
                record.answered(response.status(), response.headers());
                Ok(Incoming::new(response, record))
            }
            Err(error) => {
                let trouble = Trouble::from_reqwest(&error);
                record.failed(&trouble);
                Err(trouble)
            }
        }
    }

    /// The whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        self.within(async { Self::read(self.dispatch(request).await?).await })
            .await
    }

    /// The head of an answer; its body, which may be a stream, is left alone.
    pub async fn send_for_head(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        self.within(async { Ok(Answer::head(&mut self.dispatch(request).await?)) })
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
    pub async fn read(mut incoming: Incoming) -> Result<Answer, Trouble> {
        let mut answer = Answer::head(&mut incoming);
        while let Some(chunk) = incoming.chunk().await? {
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
