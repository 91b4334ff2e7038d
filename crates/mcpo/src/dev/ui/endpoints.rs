//! The endpoints of the page: the document, its events, the list of tools, and tool calls.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::{
    sync::{broadcast::error::RecvError, oneshot},
    time::timeout,
};

use super::{access::Access, page::Page};
use crate::dev::{
    console::feed::Feed,
    messages::{
        event::{Event, EventSender},
        tool_call::readable,
        tool_request::ToolRequest,
    },
};

/// The longest body of a tool call, in bytes.
const MAX_BODY: usize = 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// After this time, a comment is sent, so that a connection to a page that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The longest result that is sent to the page, in characters.
const MAX_RESULT: usize = 256 * 1024;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Everything that the endpoints need. Cheap to clone.
#[derive(Clone)]
pub struct Endpoints {
    access: Access,
    feed: Feed,
    events: EventSender,
    page: Arc<Page>,
}

/// The body of a tool call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallRequest {
    tool: String,
    arguments: Map<String, Value>,
}

impl Endpoints {
    pub fn new(access: Access, feed: Feed, events: EventSender) -> Self {
        Self {
            access,
            feed,
            events,
            page: Arc::new(Page::new()),
        }
    }

    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = self.access.path(request.uri(), request.headers());
        let mut response = match (request.method(), path) {
            (&Method::GET, Some("")) => {
                typed("text/html; charset=utf-8", self.page.document.clone())
            }
            (&Method::GET, Some("events")) => self.stream(),
            (&Method::GET, Some("tools")) => self.tools().await,
            (&Method::POST, Some("call")) => self.call(request).await,
            _ => status(StatusCode::NOT_FOUND, "not found"),
        };
        self.page.protect(response.headers_mut());
        response
    }

    /// Sends the latest events, then `replayed`, and then all that follow, as server-sent events.
    fn stream(&self) -> Response<Body> {
        let (history, live) = self.feed.subscribe();
        let end = json!({ "event": "replayed" }).to_string().into();
        let replayed = history.into_iter().chain([end]);
        let history = stream::iter(replayed).map(|event| format!("data: {event}\n\n"));
        let feed = self.feed.clone();
        let live = stream::unfold((live, feed), async |(mut live, feed)| {
            let text = match timeout(HEARTBEAT, live.recv()).await {
                Ok(Ok(event)) => format!("data: {event}\n\n"),
                Ok(Err(RecvError::Lagged(missed))) => {
                    let event = json!({ "event": "missed", "events": missed });
                    let ready = feed.ready();
                    let ready = ready.map(|event| format!("data: {event}\n\n"));
                    format!("data: {event}\n\n{}", ready.unwrap_or_default())
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => ": still here\n\n".to_owned(),
            };
            Some((text, (live, feed)))
        });
        let frames = history
            .chain(live)
            .map(|text| Ok::<_, Infallible>(Frame::data(Bytes::from(text))));
        let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    async fn tools(&self) -> Response<Body> {
        let (reply, tools) = oneshot::channel();
        let tools = self.wait(ToolRequest::List { reply }, tools).await;
        match tools {
            Some(Ok(tools)) => json_body(&json!({ "tools": tools })),
            Some(Err(because)) => json_body(&json!({ "error": because })),
            None => status(StatusCode::SERVICE_UNAVAILABLE, "mcpo is stopping"),
        }
    }

    async fn call(&self, request: Request<Incoming>) -> Response<Body> {
        // A form of another site cannot send this type without a preflight request.
        let kind = request.headers().get(header::CONTENT_TYPE);
        if kind.is_none_or(|kind| kind != "application/json") {
            return status(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json");
        }
        let body = Limited::new(request.into_body(), MAX_BODY).collect();
        let Ok(Ok(body)) = timeout(BODY_TIMEOUT, body).await else {
            return status(
                StatusCode::BAD_REQUEST,
                "the body is too long or incomplete",
            );
        };
        let call: CallRequest = match serde_json::from_slice(&body.to_bytes()) {
            Ok(call) => call,
            Err(error) => return status(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let (reply, report) = oneshot::channel();
        let request = ToolRequest::CallNamed {
            name: call.tool,
            arguments: call.arguments,
            reply,
        };
        match self.wait(request, report).await {
            Some(Ok(report)) => {
                let micros = u64::try_from(report.elapsed.as_micros()).unwrap_or(u64::MAX);
                let text: String = report.text().chars().take(MAX_RESULT).collect();
                json_body(&json!({
                    "ok": report.is_success(), "text": text, "time": readable(micros),
                }))
            }
            Some(Err(because)) => json_body(&json!({ "ok": false, "text": because, "time": "" })),
            None => status(StatusCode::SERVICE_UNAVAILABLE, "mcpo is stopping"),
        }
    }

    /// Has the session carry out a step, and waits for its result.
    async fn wait<T>(&self, request: ToolRequest, result: oneshot::Receiver<T>) -> Option<T> {
        self.events.send(Event::ToolRequested(request)).await;
        result.await.ok()
    }
}

fn typed(kind: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(text.into()).boxed_unsync());
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn json_body(value: &Value) -> Response<Body> {
    typed("application/json", value.to_string())
}

fn status(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = typed("text/plain; charset=utf-8", text.to_owned());
    *response.status_mut() = status;
    response
}
