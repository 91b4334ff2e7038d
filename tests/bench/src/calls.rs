//! Tool calls in both protocol forms, as fast as the server responds.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    connection::{Connection, Outgoing},
    server::Server,
};

/// The two forms of Streamable HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Revision 2026-07-28: stateless requests, JSON responses.
    Newer,
    /// Revision 2025-11-25: a session, event streams as responses.
    Older,
}

/// The number of connections that call in parallel.
const CONNECTIONS: usize = 16;

/// The result of a round of calls.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Calls per second.
    pub rate: f64,
    /// The 99th percentile of the latency, in microseconds.
    pub p99: f64,
    /// The CPU time of the server per call, in microseconds.
    pub cpu: f64,
}

/// Callers with open connections, and with sessions in the older form.
pub struct Callers {
    callers: Vec<Caller>,
}

struct Caller {
    connection: Connection,
    request: Arc<Template>,
    session: Option<HeaderValue>,
}

struct Template {
    form: Form,
    host: String,
    tokens: Vec<HeaderValue>,
    next: AtomicUsize,
}

impl Callers {
    /// Connects. The callers use the tokens in turn; the list may be empty.
    pub async fn connect(server: &Server, form: Form, tokens: &[String]) -> Self {
        let bearer = |token: &String| {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            value.expect("plain text")
        };
        let template = Arc::new(Template {
            form,
            host: format!("localhost:{}", server.port),
            tokens: tokens.iter().map(bearer).collect(),
            next: AtomicUsize::new(0),
        });
        let mut callers = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut caller = Caller {
                connection: Connection::open(server.port, Ipv4Addr::LOCALHOST).await,
                request: Arc::clone(&template),
                session: None,
            };
            if form == Form::Older {
                caller.begin_session().await;
            }
            callers.push(caller);
        }
        Self { callers }
    }

    /// Calls on all connections for the duration `length`.
    pub async fn round(&mut self, server: &Server, length: Duration) -> Round {
        let (began, before) = (Instant::now(), server.cpu());
        let mut tasks = JoinSet::new();
        for mut caller in self.callers.drain(..) {
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while began.elapsed() < length {
                    let sent = Instant::now();
                    caller.call().await;
                    latencies.push(sent.elapsed());
                }
                (caller, latencies)
            });
        }
        let mut latencies = Vec::new();
        while let Some(joined) = tasks.join_next().await {
            let (caller, measured) = joined.expect("a caller");
            self.callers.push(caller);
            latencies.extend(measured);
        }
        let (elapsed, used) = (began.elapsed(), server.cpu().saturating_sub(before));
        latencies.sort_unstable();
        let count = latencies.len();
        let p99 = latencies[count * 99 / 100];
        Round {
            rate: count as f64 / elapsed.as_secs_f64(),
            p99: p99.as_secs_f64() * 1e6,
            cpu: used.as_secs_f64() * 1e6 / count as f64,
        }
    }
}

impl Caller {
    async fn call(&mut self) {
        let mut params = json!({ "name": "add", "arguments": { "a": 2, "b": 3 } });
        if self.request.form == Form::Newer {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let answer = self.ask("tools/call", Some(1), params).await;
        let right = answer
            .body()
            .windows(10)
            .any(|part| part == br#""text":"5""#);
        assert!(answer.status().is_success() && right, "{answer:?}");
    }

    async fn begin_session(&mut self) {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "bench", "version": "1" },
        });
        let answer = self.ask("initialize", Some(0), params).await;
        self.session = answer.headers().get("mcp-session-id").cloned();
        assert!(self.session.is_some(), "{answer:?}");
        let answer = self.ask("notifications/initialized", None, json!({})).await;
        assert!(answer.status().is_success(), "{answer:?}");
    }

    async fn ask(&mut self, method: &str, id: Option<u32>, params: Value) -> Response<Bytes> {
        let mut body = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        if let Some(id) = id {
            body["id"] = id.into();
        }
        let request = self.request.with(method, self.session.as_ref(), &body);
        self.connection.send(request).await
    }
}

impl Template {
    fn with(&self, method: &str, session: Option<&HeaderValue>, body: &Value) -> Outgoing {
        let mut request = Request::post("/mcp")
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream");
        if self.form == Form::Newer {
            request = request
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", method)
                .header("mcp-name", "add");
        }
        if let Some(session) = session {
            request = request
                .header("mcp-protocol-version", "2025-11-25")
                .header("mcp-session-id", session);
        }
        if !self.tokens.is_empty() {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.tokens.len();
            request = request.header(header::AUTHORIZATION, &self.tokens[turn]);
        }
        let body = Bytes::from(body.to_string());
        request.body(body.into()).expect("a request")
    }
}
