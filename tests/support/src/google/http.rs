//! Requests and answers as the rest of the stand-in sees them.

use std::collections::BTreeMap;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
};
use serde_json::Value;

/// A request, read to its end.
pub struct Request {
    /// The verb.
    pub method: Method,
    /// The path, encoded.
    pub path: String,
    /// The query, decoded.
    pub query: BTreeMap<String, Vec<String>>,
    /// The query as it came.
    pub raw_query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An answer, or why the connection is to end without one.
pub type Served = Result<Reply, &'static str>;

/// An answer.
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
    /// Reads a request, up to `cut` bytes of its body if given.
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
        let body = body
            .map_err(|_| "the body did not come to its end")?
            .to_bytes();
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

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Reply {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// An answer in JSON.
    pub fn json(status: u16, body: &Value, retry_after: Option<u64>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = Self::empty(status).with("content-type", "application/json; charset=UTF-8");
        if let Some(seconds) = retry_after {
            reply = reply.with("retry-after", &seconds.to_string());
        }
        reply.body = body.to_string().into();
        reply
    }

    /// An answer in plain text.
    pub fn text(status: StatusCode, text: &str) -> Self {
        let mut reply = Self::empty(status).with("content-type", "text/plain");
        reply.body = text.to_owned().into();
        reply
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers
            .insert(name, value.parse().expect("a header value"));
        self
    }

    /// For hyper.
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
