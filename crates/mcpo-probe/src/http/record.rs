//! Records requests and responses, without the secrets.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    time::{Duration, Instant},
};

use mcpo_common::text::clean_to;
use memchr::memmem;
use reqwest::{
    Request, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap},
};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::sent::{Messages, STDIO, Sent};
use crate::{
    fingerprints::{Noted, Place, Traits},
    html_form::Form,
    redact::{Secrets, is_secret},
};

/// The content type of forms.
const FORM: &str = "application/x-www-form-urlencoded";
/// How many bytes of a body are shown.
const SHOWN: usize = 4 * 1024;
/// How many bytes of a body are kept until it is complete and can be parsed.
const KEPT: usize = 64 * 1024;

/// A request and its response so far.
struct Entry {
    id: u64,
    sent: Sent,
    place: Place,
    /// The status and the headers of the response; empty until they arrive.
    head: String,
    /// The content type of the response.
    kind: String,
    /// The response body received so far, cut at [`KEPT`] bytes, and its full length.
    raw: Vec<u8>,
    length: usize,
}

/// A callback that receives the request in progress.
pub type Activity = Rc<dyn Fn(&str)>;

/// Records every request of a probe.
#[derive(Default)]
pub struct Recorder {
    detailed: bool,
    activity: Option<Activity>,
    target: Option<Url>,
    next: Cell<u64>,
    sent: RefCell<Vec<Entry>>,
    pub secrets: Secrets,
    pub traits: Traits,
}

impl Recorder {
    /// Creates a recorder. If `detailed`, it keeps headers and bodies. `activity` is called for
    /// each request.
    pub fn new(target: Option<&Url>, detailed: bool, activity: Option<Activity>) -> Rc<Self> {
        Rc::new(Self {
            detailed,
            target: target.cloned(),
            activity,
            ..Self::default()
        })
    }

    /// Returns the requests recorded since the last call.
    pub fn take(&self) -> Vec<Sent> {
        let sent = std::mem::take(&mut *self.sent.borrow_mut());
        sent.into_iter().map(|entry| entry.sent).collect()
    }

    /// Shows an activity that is not a request.
    pub fn announce(&self, doing: &str) {
        if let Some(activity) = &self.activity {
            activity(doing);
        }
    }

    /// Returns what `request` asks for. The endpoints of an authorization server have any path, so
    /// they are recognized by the request.
    fn place(&self, request: &Request) -> Place {
        let url = request.url();
        let body = request.body().and_then(reqwest::Body::as_bytes);
        // Attacks on limits send bodies of many megabytes.
        let contains =
            |text: &str| memmem::find(body.unwrap_or_default(), text.as_bytes()).is_some();
        if self.target.as_ref() == Some(url) {
            Place::Endpoint
        } else if url
            .path()
            .starts_with("/.well-known/oauth-protected-resource")
        {
            Place::Resource
        } else if url.path().contains("/.well-known/") {
            Place::Issuer
        } else if is_page(request.headers()) {
            Place::Authorization
        } else if contains("\"redirect_uris\"") {
            Place::Registration
        } else if contains("grant_type=") {
            Place::Token
        } else {
            Place::Any
        }
    }

    /// Begins the entry of a request.
    pub fn begin(self: &Rc<Self>, request: &Request) -> Record {
        let id = self.next.get();
        self.next.set(id + 1);
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let kind = content_type(request.headers());
        // Also for a report without details: the server may repeat the secrets of the request.
        let asked_headers = self.headers(request.headers());
        let is_form = kind.starts_with(FORM);
        let asked_body = body
            .filter(|_| self.detailed || is_form)
            .map(|body| self.body(&kind, &body[..body.len().min(KEPT)], body.len()));
        let detail = self.detailed.then(|| {
            Box::new(Messages {
                asked_headers,
                asked_body,
                ..Messages::default()
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
        self.add(id, sent, self.place(request))
    }

    /// Begins the entry of a message to a local server.
    pub fn begin_message(self: &Rc<Self>, program: &str, message: &Value) -> Record {
        let id = self.next.get();
        self.next.set(id + 1);
        let kind = "application/json";
        let body = message.to_string().into_bytes();
        let detail = self.detailed.then(|| {
            Box::new(Messages {
                asked_body: Some(self.body(kind, &body, body.len())),
                ..Messages::default()
            })
        });
        let sent = Sent {
            method: STDIO.to_owned(),
            url: clean_to(program, SHOWN),
            purpose: purpose(kind, &body),
            browser: false,
            outcome: Err("no answer in time".to_owned()),
            elapsed: Duration::ZERO,
            detail,
        };
        self.add(id, sent, Place::Any)
    }

    fn add(self: &Rc<Self>, id: u64, sent: Sent, place: Place) -> Record {
        self.announce(&sent.to_string());
        self.sent.borrow_mut().push(Entry {
            id,
            sent,
            place,
            head: String::new(),
            kind: String::new(),
            raw: Vec::new(),
            length: 0,
        });
        Record {
            recorder: Rc::clone(self),
            id,
            since: Instant::now(),
        }
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Entry)) {
        let mut sent = self.sent.borrow_mut();
        if let Some(entry) = sent.iter_mut().rev().find(|entry| entry.id == id) {
            change(entry);
        }
    }

    fn headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let shown = headers.iter().map(|(name, value)| {
            let text = self.secrets.request_header(name, value);
            (name.to_string(), clean_to(&text, SHOWN))
        });
        // A hundred are enough to recognize a flood of headers.
        shown.take(100).collect()
    }

    /// Returns the status and the headers, which distinguish servers, one per line.
    fn head(&self, status: StatusCode, headers: &HeaderMap) -> String {
        let status = format!("status {}\n", status.as_u16());
        let lines = headers.iter().take(50).map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("{name}: {}\n", self.secrets.header(name.as_str(), &value))
        });
        std::iter::once(status).chain(lines).collect()
    }

    fn body(&self, kind: &str, body: &[u8], length: usize) -> String {
        let text = String::from_utf8_lossy(body);
        let shown = if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
            self.secrets.json(&mut value);
            self.secrets.hide(value.to_string())
        } else if kind.starts_with(FORM) {
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

    /// Treats hidden form values of a page as secrets: they are only for the server.
    fn learn_from_forms(&self, kind: &str, text: &str) {
        if !kind.contains("html") {
            return;
        }
        for (name, value) in Form::all(text).iter().flat_map(|form| &form.fields) {
            let opaque = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/=~".contains(&byte);
            let sealed = value.len() >= 24 && value.bytes().all(opaque);
            let public = matches!(name.as_str(), "client_id" | "code_challenge");
            if is_secret(name) || (sealed && !public) {
                self.secrets.cut(name, value);
            }
        }
    }
}

/// An entry that is being written; dropping this value ends it.
pub struct Record {
    recorder: Rc<Recorder>,
    id: u64,
    since: Instant,
}

impl Record {
    pub fn answered(&self, status: StatusCode, headers: &HeaderMap) {
        self.recorder.change(self.id, |entry| {
            entry.sent.outcome = Ok(Some(status.as_u16()));
            if let Some(detail) = &mut entry.sent.detail {
                detail.came_headers = self.recorder.headers(headers);
            }
            entry.head = self.recorder.head(status, headers);
            entry.kind = content_type(headers);
        });
    }

    /// A message to a local server needs no response.
    pub fn accepted(&self) {
        self.recorder
            .change(self.id, |entry| entry.sent.outcome = Ok(None));
    }

    /// A local server has answered with this line.
    pub fn received(&self, line: &str) {
        self.accepted();
        self.came(line.as_bytes());
    }

    pub fn failed(&self, error: &impl fmt::Display) {
        let text = self.recorder.secrets.hide(error.to_string());
        let text = clean_to(&text, SHOWN);
        self.recorder
            .change(self.id, |entry| entry.sent.outcome = Err(text));
    }

    /// Adds a chunk of the response body.
    pub fn came(&self, chunk: &[u8]) {
        self.recorder.change(self.id, |entry| {
            let room = KEPT.saturating_sub(entry.raw.len());
            entry.raw.extend(chunk.iter().take(room));
            entry.length += chunk.len();
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.recorder.change(self.id, |entry| {
            entry.sent.elapsed = self.since.elapsed();
            let raw = std::mem::take(&mut entry.raw);
            let mut answer = std::mem::take(&mut entry.head);
            // Tokens and client secrets are not kept.
            let is_success = matches!(entry.sent.outcome, Ok(Some(200..=299)));
            let has_secrets =
                is_success && matches!(entry.place, Place::Token | Place::Registration);
            if answer.is_empty() {
                // A check that ends without a response is not about an earlier one.
                self.recorder.traits.take_recent();
            } else {
                if !has_secrets {
                    answer.push_str(&String::from_utf8_lossy(&raw));
                }
                self.recorder.traits.note(Noted {
                    place: entry.place,
                    url: entry.sent.url.clone(),
                    text: answer,
                });
            }
            // Also for a report without details: later responses may repeat the secrets. Of other
            // documents, a `code` or `state` may be a plain word.
            let is_learned = has_secrets || entry.kind.contains("html");
            if entry.length > 0 && (is_learned || entry.sent.detail.is_some()) {
                let came_body = self.recorder.body(&entry.kind, &raw, entry.length);
                if let Some(detail) = &mut entry.sent.detail {
                    detail.came_body = Some(came_body);
                }
            }
        });
    }
}

/// The only part of a JSON-RPC message that is shown for each request.
#[derive(Deserialize)]
struct Message {
    method: String,
}

/// Returns true for a browser's request: browsers ask for pages, clients never do.
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
        let message: Message = serde_json::from_slice(body).ok()?;
        message.method
    } else {
        let mut pairs = url::form_urlencoded::parse(body);
        pairs.find(|(name, _)| name == "grant_type")?.1.into_owned()
    };
    Some(clean_to(&named, 80))
}
