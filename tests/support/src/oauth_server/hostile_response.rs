//! Responses that are meant to harm the client.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State as Extract},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse as _, Redirect, Response},
};
use futures_util::stream;
use serde_json::json;

use super::state::{HOSTILE, State};

/// A harmful response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostileResponse {
    /// A body that never ends.
    Endless,
    /// A body that arrives one byte at a time.
    Slow,
    /// A redirect to itself.
    Loop,
    /// JSON of 20 MB.
    Huge,
    /// JSON that is nested 100,000 levels deep.
    Deep,
    /// Ten thousand headers.
    Headers,
    /// Terminal escape codes in every string.
    Escapes,
    /// Markup and scripts in the text of an error.
    Markup,
    /// Binary data under a wrong content type.
    Bytes,
}

impl HostileResponse {
    /// Every harm.
    pub const ALL: &[Self] = &[
        Self::Endless,
        Self::Slow,
        Self::Loop,
        Self::Huge,
        Self::Deep,
        Self::Headers,
        Self::Escapes,
        Self::Markup,
        Self::Bytes,
    ];
}

/// The request that gets the harmful response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The MCP endpoint, for requests without a token.
    Challenge,
    /// The resource metadata.
    Resource,
    /// The issuer's metadata.
    Issuer,
    /// Registration.
    Register,
    /// The authorization page.
    Page,
    /// The token endpoint.
    Token,
    /// The MCP endpoint, for requests with a token.
    Endpoint,
}

impl Stage {
    /// Every stage.
    pub const ALL: &[Self] = &[
        Self::Challenge,
        Self::Resource,
        Self::Issuer,
        Self::Register,
        Self::Page,
        Self::Token,
        Self::Endpoint,
    ];

    fn is(self, request: &Request) -> bool {
        let path = request.uri().path();
        let known = request.headers().contains_key(header::AUTHORIZATION);
        match self {
            Self::Challenge => path == "/mcp" && !known,
            Self::Resource => path.starts_with("/.well-known/oauth-protected-resource"),
            Self::Issuer => path.starts_with("/.well-known/oauth-authorization-server"),
            Self::Register => path == "/register",
            Self::Page => path == "/authorize",
            Self::Token => path == "/token",
            Self::Endpoint => path == "/mcp" && known && request.method() == Method::POST,
        }
    }
}

/// Sends the harmful response instead of the server's response.
pub async fn replace_response(
    Extract(server): Extract<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    match server.settings.hostile_response {
        Some((stage, hostile_response)) if stage.is(&request) => {
            answer(hostile_response, request.uri().path())
        }
        _ => next.run(request).await,
    }
}

fn answer(hostile_response: HostileResponse, path: &str) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match hostile_response {
        HostileResponse::Endless => (json, endless()).into_response(),
        HostileResponse::Slow => (json, slow_body()).into_response(),
        HostileResponse::Loop => Redirect::to(path).into_response(),
        HostileResponse::Huge => {
            let filler = "x".repeat(20_000_000);
            (json, format!("{{\"issuer\": \"{filler}\"}}")).into_response()
        }
        HostileResponse::Deep => (json, "[".repeat(100_000)).into_response(),
        HostileResponse::Headers => {
            let mut response = (json, "{}").into_response();
            for _ in 0..10_000 {
                let value = HeaderValue::from_static("tick");
                response.headers_mut().append("x-bomb", value);
            }
            response
        }
        HostileResponse::Escapes => (json, escapes()).into_response(),
        HostileResponse::Markup => {
            let page = "<html><script>alert(1)</script><img src=x onerror=alert(2)>";
            (StatusCode::BAD_GATEWAY, Html(page)).into_response()
        }
        HostileResponse::Bytes => {
            let bytes: Vec<u8> = (0..=255).cycle().take(4_096).collect();
            ([(header::CONTENT_TYPE, "image/png")], bytes).into_response()
        }
    }
}

/// Returns a document that resembles every kind of response.
fn escapes() -> String {
    let mut document =
        json!({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"text": HOSTILE}]}});
    for name in [
        "resource",
        "issuer",
        "error",
        "error_description",
        "token_type",
        "access_token",
        "client_id",
        "token_endpoint_auth_method",
        "authorization_endpoint",
    ] {
        document[name] = json!(HOSTILE);
    }
    document["authorization_servers"] = json!([HOSTILE]);
    document.to_string()
}

fn endless() -> Body {
    let chunk = Bytes::from(vec![b' '; 64 * 1024]);
    Body::from_stream(stream::repeat_with(move || {
        Ok::<_, Infallible>(chunk.clone())
    }))
}

fn slow_body() -> Body {
    Body::from_stream(stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
    }))
}
