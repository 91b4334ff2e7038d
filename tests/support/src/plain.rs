//! A server with rmcp and axum alone, as in rmcp's examples: no authentication, or a fixed token.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse as _, Redirect},
    routing::{any, get},
};
use rmcp::{
    handler::server::wrapper::Parameters,
    schemars, tool, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Two numbers.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Pair {
    a: i64,
    b: i64,
}

/// The tools.
#[derive(Clone, Copy, Debug)]
struct Plain;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    reason = "rmcp defines the signatures of tools"
)]
#[tool_router(server_handler)]
impl Plain {
    /// Add two numbers.
    #[tool]
    fn add(&self, Parameters(Pair { a, b }): Parameters<Pair>) -> String {
        (a + b).to_string()
    }
}

/// A running server; it stops when dropped.
pub struct PlainServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl PlainServer {
    /// Starts on a free port of this machine.
    pub async fn start() -> Self {
        Self::serve(endpoint()).await
    }

    /// Starts a server that answers only requests with `Authorization: Bearer` and this token.
    pub async fn with_fixed_token(token: &str) -> Self {
        let wanted = format!("Bearer {token}");
        let check = move |request: Request, next: Next| {
            let wanted = wanted.clone();
            async move {
                let sent = request.headers().get(header::AUTHORIZATION);
                if sent.is_some_and(|sent| sent == wanted.as_str()) {
                    next.run(request).await
                } else {
                    StatusCode::UNAUTHORIZED.into_response()
                }
            }
        };
        Self::serve(endpoint().layer(middleware::from_fn(check))).await
    }

    /// Starts a server that answers requests with `status` if `is_refused` returns true.
    pub async fn refusing(
        status: u16,
        is_refused: impl Fn(&HeaderMap) -> bool + Clone + Send + Sync + 'static,
    ) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        let check = move |request: Request, next: Next| {
            let is_refused = is_refused(request.headers());
            async move {
                if is_refused {
                    status.into_response()
                } else {
                    next.run(request).await
                }
            }
        };
        Self::serve(endpoint().layer(middleware::from_fn(check))).await
    }

    /// Starts a server behind a gateway, which answers requests to other paths with the recorded
    /// response `recorded`: a head and a body.
    pub async fn behind_gateway(recorded: &'static str) -> Self {
        let (head, body) = recorded.split_once("\n\n").expect("a head and a body");
        let head = head.lines().filter(|line| !line.starts_with('#'));
        let head: Vec<&str> = head.collect();
        let status = head[0].split(' ').nth(1).expect("a status");
        let status: StatusCode = status.parse().expect("a status");
        let headers = head[1..].iter().filter_map(|line| line.split_once(": "));
        let shown = ["server", "content-type"];
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.to_lowercase(), value))
            .filter(|(name, _)| shown.contains(&name.as_str()))
            .collect();
        let answer = move || async move {
            let mut response = (status, body).into_response();
            for (name, value) in headers {
                let name = HeaderName::try_from(name).expect("a name");
                response
                    .headers_mut()
                    .insert(name, HeaderValue::from_static(value));
            }
            response
        };
        Self::serve(endpoint().fallback(answer)).await
    }

    /// Starts a server whose other paths answer as those of real servers: `/page` with a web page,
    /// `/broken` with 500, `/moved` with a redirect to the endpoint.
    pub async fn with_other_paths() -> Self {
        let moved = || async { Redirect::permanent("/mcp") };
        let router = endpoint()
            .route(
                "/page",
                any(|| async { Html("<title>Shop</title><p>Welcome") }),
            )
            .route(
                "/broken",
                any(|| async { StatusCode::INTERNAL_SERVER_ERROR }),
            )
            .route("/moved", any(moved));
        Self::serve(router).await
    }

    /// Starts a server of 2024-11-05, which has a stream of events at `/sse`.
    pub async fn with_events() -> Self {
        let stream = || async {
            let first = "event: endpoint\ndata: /messages?session=1\n\n";
            ([(header::CONTENT_TYPE, "text/event-stream")], first)
        };
        Self::serve(Router::new().route("/sse", get(stream))).await
    }

    async fn serve(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port that was bound");
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving");
        });
        Self { address, task }
    }

    /// Returns the URL of a path of this server.
    pub fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the URL of the MCP endpoint.
    pub fn url(&self) -> String {
        self.at("/mcp")
    }
}

fn endpoint() -> Router {
    let sessions = Arc::new(LocalSessionManager::default());
    let config = StreamableHttpServerConfig::default();
    let service = StreamableHttpService::new(|| Ok(Plain), sessions, config);
    Router::new().route_service("/mcp", service)
}

impl Drop for PlainServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
