//! One JSON-RPC request in either wire format.

use mcpo_common::secret::Secret;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use url::Url;

use super::reply::{self, ONLY_ID, Reply};
use crate::http::{HttpClient, RequestError};

/// The revision without sessions.
pub const STATELESS: &str = "2026-07-28";
/// The newest revision with sessions.
pub const STATEFUL: &str = "2025-11-25";
/// A revision that does not exist yet.
pub const COMING: &str = "2099-12-31";

/// The wire format of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// 2026-07-28: every request is self-contained.
    Stateless,
    /// The same form in a revision that does not exist yet.
    Coming,
    /// Before `initialize` has been answered.
    Opening,
    /// 2025-11-25 and older.
    Session { version: String, id: Option<String> },
}

impl WireFormat {
    /// Returns the revision.
    pub fn version(&self) -> &str {
        match self {
            Self::Stateless => STATELESS,
            Self::Coming => COMING,
            Self::Opening => STATEFUL,
            Self::Session { version, .. } => version,
        }
    }
}

/// A request.
#[derive(Debug)]
pub struct Call {
    pub method: &'static str,
    pub params: Value,
    /// The value of `Mcp-Name`: the requested tool, prompt or resource.
    pub name: Option<String>,
    /// `Mcp-Param-…` headers that the tool's schema asks for.
    pub mirrored: Vec<(String, String)>,
}

impl Call {
    pub const fn new(method: &'static str, params: Value) -> Self {
        Self {
            method,
            params,
            name: None,
            mirrored: Vec::new(),
        }
    }

    /// Returns true if the call has no response.
    pub fn is_notification(&self) -> bool {
        self.method.starts_with("notifications/")
    }
}

/// A reply, and the session it opened, if any.
pub struct RpcResponse {
    pub reply: Reply,
    pub session: Option<String>,
}

/// Sends `call`; notifications (methods under `notifications/`) carry no id.
pub async fn call(
    http: &HttpClient,
    target: &Url,
    wire_format: &WireFormat,
    token: Option<&Secret>,
    call: &Call,
) -> Result<RpcResponse, RequestError> {
    let request = prepare(http, target, wire_format, token, call)?;
    // One time limit for the whole response, for a document and for a stream.
    http.within(async {
        let incoming = http.dispatch(request).await?;
        let session = incoming
            .headers()
            .get("mcp-session-id")
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        Ok(RpcResponse {
            reply: reply::read(incoming).await?,
            session,
        })
    })
    .await
}

/// Creates the request for `call`.
pub fn prepare(
    http: &HttpClient,
    target: &Url,
    wire_format: &WireFormat,
    token: Option<&Secret>,
    call: &Call,
) -> Result<RequestBuilder, RequestError> {
    let request = dress(
        http.mcp_request(Method::POST, target)?,
        wire_format,
        token,
        call,
    );
    Ok(request.json(&body(wire_format, call, ONLY_ID)))
}

fn dress(
    mut request: RequestBuilder,
    wire_format: &WireFormat,
    token: Option<&Secret>,
    call: &Call,
) -> RequestBuilder {
    request = request.header("accept", "application/json, text/event-stream");
    if let Some(token) = token {
        request = request.bearer_auth(token.expose());
    }
    match wire_format {
        WireFormat::Opening => {}
        WireFormat::Stateless | WireFormat::Coming => {
            request = request
                .header("mcp-protocol-version", wire_format.version())
                .header("mcp-method", call.method);
            if let Some(name) = &call.name {
                request = request.header("mcp-name", name);
            }
            for (name, value) in &call.mirrored {
                request = request.header(format!("mcp-param-{name}"), value);
            }
        }
        WireFormat::Session { version, id } => {
            request = request.header("mcp-protocol-version", version);
            if let Some(id) = id {
                request = request.header("mcp-session-id", id);
            }
        }
    }
    request
}

/// Returns the message of `call`; notifications have no id.
pub fn body(wire_format: &WireFormat, call: &Call, id: u64) -> Value {
    let mut params = call.params.clone();
    if matches!(wire_format, WireFormat::Stateless | WireFormat::Coming) {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": wire_format.version(),
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": client_info(),
        });
    }
    let mut body = json!({"jsonrpc": "2.0", "method": call.method, "params": params});
    if !call.is_notification() {
        body["id"] = json!(id);
    }
    body
}

/// Returns the name and version that the probe sends.
pub fn client_info() -> Value {
    json!({"name": "mcpo-probe", "version": env!("CARGO_PKG_VERSION")})
}

/// Ends the session of `wire_format`, if it has one. The response does not matter.
pub async fn close(
    http: &HttpClient,
    target: &Url,
    wire_format: &WireFormat,
    token: Option<&Secret>,
) {
    if matches!(wire_format, WireFormat::Session { id: Some(_), .. })
        && let Ok(request) = http.mcp_request(Method::DELETE, target)
    {
        let no_call = Call::new("", Value::Null);
        let _ = http
            .send(dress(request, wire_format, token, &no_call))
            .await;
    }
}
