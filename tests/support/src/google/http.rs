//! Requests and responses as the handlers of the stand-in use them.

use std::collections::BTreeMap;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
};
use serde_json::Value;

/// A request with its complete body.
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path, encoded.
    pub path: String,
    /// The query, decoded.
    pub query: BTreeMap<String, Vec<String>>,
    /// The query as received.
    pub raw_query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A response, or the reason why the connection ends without one.
pub type Served = Result<Reply, &'static str>;

/// A response.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

const LIMIT: usize = 256 * 1024 * 1024;

impl Request {
    /// Reads a request. If `cut` is given, reads only that many bytes of the body and fails.
    pub async fn read(
        request: hyper::Request<Incoming>,
        cut: Option<usize>,
    ) -> Result<Self, &'static str> {
        let (head, mut body) = request.into_parts();
        if let Some(cut) = cut {
            let mut seen = 0;
            while seen < cut {
                match body.frame().await {
                    Some(Ok(frame)) => seen += frame.data_ref().map_or(0, Bytes::len),
                    _ => break,
                }
            }
            return Err("the connection is cut in the middle of the body");
        }
        let body = Limited::new(body, LIMIT).collect().await;
        let body = body.map_err(|_| "the body ended early")?.to_bytes();
        let raw_query = head.uri.query().unwrap_or_default().to_owned();
        let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(raw_query.as_bytes()) {
            query
                .entry(name.into_owned())
                .or_default()
                .push(value.into_owned());
        }
        Ok(Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query,
            raw_query,
            headers: head.headers,
            body,
        })
    }

    /// Returns a header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Reply {
    /// Creates a response without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// Creates a JSON response.
    pub fn json(status: u16, body: &Value, retry_after: Option<u64>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = Self::empty(status).with("content-type", "application/json; charset=UTF-8");
        if let Some(seconds) = retry_after {
            reply = reply.with("retry-after", &seconds.to_string());
        }
        reply.body = body.to_string().into();
        reply
    }

    /// Creates a plain text response.
    pub fn text(status: StatusCode, text: &str) -> Self {
        let mut reply = Self::empty(status).with("content-type", "text/plain");
        reply.body = text.to_owned().into();
        reply
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers
            .insert(name, value.parse().expect("a header value"));
        self
    }

    /// Converts the response for hyper.
    pub fn into_response(self, date: Option<&str>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Some(date) = date {
            response
                .headers_mut()
                .insert(header::DATE, date.parse().expect("a date"));
        }
        response
    }
}
