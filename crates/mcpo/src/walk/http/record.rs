//! What was asked and what came, request by request, without the secrets.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    time::{Duration, Instant},
};

use reqwest::{
    Request, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;

use super::trouble::Trouble;
use crate::walk::{check::Activity, oauth::Form, redact::Secrets, text::clean_to};

/// How much of a body is shown.
const SHOWN: usize = 4 * 1024;
/// How much of a body is kept until it is whole and can be read.
const KEPT: usize = 64 * 1024;

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    /// Without codes and tokens.
    pub url: String,
    /// The JSON-RPC method, or the grant type: what was asked for at an address that takes many.
    pub purpose: Option<String>,
    /// Whether it is the person's browser that asked.
    pub browser: bool,
    /// The status, or why there is none.
    pub outcome: Result<u16, String>,
    pub elapsed: Duration,
    /// The whole of both, where that is wanted.
    pub detail: Option<Box<Detail>>,
}

/// What was asked, in a few words.
impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.url)?;
        match &self.purpose {
            Some(purpose) => write!(formatter, " ({purpose})"),
            None => Ok(()),
        }
    }
}

/// Headers and bodies, ready to be shown.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    pub asked_headers: Vec<(String, String)>,
    pub asked_body: Option<String>,
    pub came_headers: Vec<(String, String)>,
    pub came_body: Option<String>,
    /// What of the answer's body has come so far.
    raw: Vec<u8>,
    length: usize,
}

/// Writes down every request of a walk.
#[derive(Default)]
pub struct Recorder {
    detailed: bool,
    activity: Option<Activity>,
    next: Cell<u64>,
    sent: RefCell<Vec<(u64, Sent)>>,
    pub secrets: Secrets,
}

impl Recorder {
    /// `detailed` if headers and bodies are wanted too; `activity` hears of each request.
    pub fn new(detailed: bool, activity: Option<Activity>) -> Rc<Self> {
        Rc::new(Self {
            detailed,
            activity,
            ..Self::default()
        })
    }

    /// Everything since the last time.
    pub fn take(&self) -> Vec<Sent> {
        let sent = std::mem::take(&mut *self.sent.borrow_mut());
        sent.into_iter().map(|(_, sent)| sent).collect()
    }

    /// Begins an entry.
    pub fn begin(self: &Rc<Self>, request: &Request) -> Record {
        let id = self.next.get();
        self.next.set(id + 1);
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let kind = content_type(request.headers());
        let detail = self.detailed.then(|| {
            Box::new(Detail {
                asked_headers: self.headers(request.headers()),
                asked_body: body.map(|body| self.body(&kind, body, body.len())),
                ..Detail::default()
            })
        });
        let sent = Sent {
            method: request.method().to_string(),
            url: clean_to(&self.secrets.url(request.url()), SHOWN),
            purpose: body.and_then(|body| purpose(&kind, body)),
            browser: is_page(request.headers()),
            outcome: Err("no answer in time".to_owned()),
            elapsed: Duration::ZERO,
            detail,
        };
        if let Some(activity) = &self.activity {
            activity(&sent.to_string());
        }
        self.sent.borrow_mut().push((id, sent));
        Record {
            recorder: Rc::clone(self),
            id,
            since: Instant::now(),
        }
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Sent)) {
        let mut sent = self.sent.borrow_mut();
        if let Some((_, sent)) = sent.iter_mut().rev().find(|(other, _)| *other == id) {
            change(sent);
        }
    }

    fn headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let shown = headers.iter().map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            let text = if value.is_sensitive() && name != "authorization" {
                self.secrets.cut(name.as_str(), &text)
            } else {
                self.secrets.header(name.as_str(), &text)
            };
            (name.to_string(), clean_to(&text, SHOWN))
        });
        // A bomb of headers is recognized by its first hundred.
        shown.take(100).collect()
    }

    fn body(&self, kind: &str, body: &[u8], length: usize) -> String {
        let text = String::from_utf8_lossy(body);
        let shown = if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
            self.secrets.json(&mut value);
            self.secrets.hide(value.to_string())
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            self.secrets.form(&text)
        } else if kind.contains("event-stream") {
            let lines = text.lines().map(|line| self.event(line));
            self.secrets.hide(lines.collect::<Vec<_>>().join("\n"))
        } else {
            self.learn_from_forms(kind, &text);
            self.secrets.hide(text.into_owned())
        };
        let shown = clean_to(&shown, SHOWN);
        if length > body.len() {
            format!("{shown} ({length} bytes in all)")
        } else {
            shown
        }
    }

    fn event(&self, line: &str) -> String {
        let data = line.strip_prefix("data:").map(str::trim);
        match data.and_then(|data| serde_json::from_str::<Value>(data).ok()) {
            Some(mut value) => {
                self.secrets.json(&mut value);
                format!("data: {value}")
            }
            None => line.to_owned(),
        }
    }

    /// What a page hides in its forms is meant for the server only.
    fn learn_from_forms(&self, kind: &str, text: &str) {
        if !kind.contains("html") {
            return;
        }
        for (name, value) in Form::all(text).iter().flat_map(|form| &form.fields) {
            self.secrets.cut(name, value);
        }
    }
}

/// An entry that is being written; it ends when this goes.
pub struct Record {
    recorder: Rc<Recorder>,
    id: u64,
    since: Instant,
}

impl Record {
    pub fn answered(&self, status: StatusCode, headers: &HeaderMap) {
        self.recorder.change(self.id, |sent| {
            sent.outcome = Ok(status.as_u16());
            if let Some(detail) = &mut sent.detail {
                detail.came_headers = self.recorder.headers(headers);
            }
        });
    }

    pub fn failed(&self, trouble: &Trouble) {
        let text = clean_to(&trouble.to_string(), SHOWN);
        self.recorder
            .change(self.id, |sent| sent.outcome = Err(text));
    }

    /// A piece of the answer's body.
    pub fn came(&self, chunk: &[u8]) {
        self.recorder.change(self.id, |sent| {
            if let Some(detail) = &mut sent.detail {
                let room = KEPT.saturating_sub(detail.raw.len());
                detail.raw.extend(chunk.iter().take(room));
                detail.length += chunk.len();
            }
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.recorder.change(self.id, |sent| {
            sent.elapsed = self.since.elapsed();
            if let Some(detail) = &mut sent.detail
                && detail.length > 0
            {
                let raw = std::mem::take(&mut detail.raw);
                let mut kinds = detail.came_headers.iter();
                let kind = kinds.find(|(name, _)| name == "content-type");
                let kind = kind.map(|(_, kind)| kind.clone()).unwrap_or_default();
                detail.came_body = Some(self.recorder.body(&kind, &raw, detail.length));
            }
        });
    }
}

/// Browsers ask for pages, clients never do.
fn is_page(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn content_type(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_lowercase()
}

fn purpose(kind: &str, body: &[u8]) -> Option<String> {
    let named = if kind.starts_with("application/json") {
        let message: Value = serde_json::from_slice(body).ok()?;
        message.get("method")?.as_str()?.to_owned()
    } else {
        let mut pairs = url::form_urlencoded::parse(body);
        pairs.find(|(name, _)| name == "grant_type")?.1.into_owned()
    };
    Some(clean_to(&named, 80))
}
