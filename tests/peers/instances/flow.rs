//! A client that retries what may be retried, and panics on everything else.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Bytes, header};
use mcpo_test_support::client::{REDIRECT_URI, VERIFIER, challenge, form_in, query_of};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::Instant};
use url::form_urlencoded::Serializer;

use super::{PASSWORD, transport};

const FORM: &str = "application/x-www-form-urlencoded";
/// A retry must succeed well within this time.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

static SIGN_INS: Semaphore = Semaphore::const_new(8);

/// A user with a client and a browser, at a separate address.
pub struct TestUser {
    number: u32,
    /// The port in the service's public address.
    port: u16,
    /// The port that requests are sent to.
    to: u16,
    cookie: Option<String>,
    client: String,
    /// The number of repeated requests.
    pub retries: usize,
}

/// The tokens of a client.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl TestUser {
    pub fn new(number: u32, port: u16) -> Self {
        Self {
            number,
            port,
            to: port,
            cookie: None,
            client: String::new(),
            retries: 0,
        }
    }

    /// Returns a copy of the client and browser.
    pub fn duplicate(&self) -> Self {
        Self {
            cookie: self.cookie.clone(),
            client: self.client.clone(),
            ..Self::new(self.number, self.port)
        }
    }

    pub async fn register(&mut self) {
        let metadata = json!({
            "client_name": "Client of many",
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": "none",
        });
        let response = self
            .post("/register", "application/json", metadata.to_string())
            .await;
        assert_eq!(response.status(), StatusCode::CREATED, "{response:?}");
        let id = json_of(&response)["client_id"].as_str().map(str::to_owned);
        self.client = id.expect("an id");
    }

    /// Signs in if necessary, consents, and returns the code.
    pub async fn code(&mut self) -> String {
        let resource = format!("http://localhost:{}/mcp", self.port);
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.client),
            ("redirect_uri", REDIRECT_URI),
            ("state", "the-state"),
            ("code_challenge", &challenge(VERIFIER)),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
        ]);
        let authorize = format!("/authorize?{query}");
        let mut page = self.page(&authorize).await;
        if page.contains("name=\"password\"") {
            let fields = form(&[("form", &form_in(&page)), ("password", PASSWORD)]);
            // One user cannot type a thousand passwords at the same time.
            let _permit = SIGN_INS.acquire().await.expect("it is never closed");
            let response = self.post("/sign-in", FORM, fields).await;
            let next = location(&response);
            page = self.page(&next).await;
        }
        let decision = form(&[("form", &form_in(&page)), ("decision", "allow")]);
        let response = self.post("/consent", FORM, decision).await;
        let back = location(&response);
        query_of(&back, "code").unwrap_or_else(|| panic!("no code in {back}"))
    }

    /// Exchanges a code, and repeats the exchange if a request was interrupted.
    pub async fn exchange(&mut self, code: &str) -> Tokens {
        let answer = self.try_exchange(code).await;
        assert_eq!(
            answer.status(),
            StatusCode::OK,
            "a code was lost: {answer:?}"
        );
        tokens_of(&answer)
    }

    /// Revokes the tokens.
    pub async fn revoke(&mut self, tokens: &Tokens) {
        let body = form(&[("token", &tokens.refresh), ("client_id", &self.client)]);
        let answer = self.post("/revoke", FORM, body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    }

    /// Sends the following requests to this port.
    pub fn use_port(&mut self, port: u16) {
        self.to = port;
    }

    /// Returns true if the exchange of a code succeeds.
    pub async fn can_exchange(&mut self, code: &str) -> bool {
        self.try_exchange(code).await.status() == StatusCode::OK
    }

    async fn try_exchange(&mut self, code: &str) -> Response<Bytes> {
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", &self.client),
            ("code_verifier", VERIFIER),
        ]);
        self.post("/token", FORM, body).await
    }

    /// Refreshes the tokens. Returns `None` if the grant has ended.
    pub async fn refresh(&mut self, tokens: &Tokens) -> Option<Tokens> {
        let answer = self.try_refresh(tokens).await;
        match answer.status() {
            StatusCode::OK => Some(tokens_of(&answer)),
            StatusCode::BAD_REQUEST => None,
            _ => panic!("unexpected status: {answer:?}"),
        }
    }

    /// Returns true if this client can refresh the tokens.
    pub async fn can_refresh(&mut self, tokens: &Tokens) -> bool {
        self.try_refresh(tokens).await.status() == StatusCode::OK
    }

    async fn try_refresh(&mut self, tokens: &Tokens) -> Response<Bytes> {
        let body = form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", &tokens.refresh),
            ("client_id", &self.client),
        ]);
        self.post("/token", FORM, body).await
    }

    /// Calls a tool.
    pub async fn call(&mut self, tokens: &Tokens) {
        let answer = self.try_call(tokens).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        let message = json_of(&answer);
        let sum = (self.number + 1).to_string();
        assert_eq!(message["result"]["content"][0]["text"], *sum, "{message}");
    }

    /// Returns true if a tool call with the tokens succeeds.
    pub async fn can_call(&mut self, tokens: &Tokens) -> bool {
        self.try_call(tokens).await.status() == StatusCode::OK
    }

    /// Calls a tool, in the stateless protocol.
    async fn try_call(&mut self, tokens: &Tokens) -> Response<Bytes> {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": "add",
                "arguments": { "a": self.number, "b": 1 },
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        let body = body.to_string();
        self.send_with_retries(|| {
            Request::post("/mcp")
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::ACCEPT, "application/json, text/event-stream")
                .header(header::AUTHORIZATION, format!("Bearer {}", tokens.access))
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", "tools/call")
                .header("mcp-name", "add")
                .body(Full::from(body.clone()))
                .expect("a request")
        })
        .await
    }

    async fn page(&mut self, path: &str) -> String {
        let cookie = self.cookie.clone();
        let response = self
            .send_with_retries(|| {
                let request = with_cookie(Request::get(path), cookie.as_deref());
                request.body(Full::default()).expect("a request")
            })
            .await;
        assert_eq!(response.status(), StatusCode::OK, "{response:?}");
        String::from_utf8_lossy(response.body()).into_owned()
    }

    async fn post(&mut self, path: &str, kind: &str, body: String) -> Response<Bytes> {
        let cookie = self.cookie.clone();
        self.send_with_retries(|| {
            let request = Request::post(path).header(header::CONTENT_TYPE, kind);
            let request = with_cookie(request, cookie.as_deref());
            request.body(Full::from(body.clone())).expect("a request")
        })
        .await
    }

    /// Sends a request until there is a final response.
    async fn send_with_retries(
        &mut self,
        request: impl Fn() -> Request<Full<Bytes>>,
    ) -> Response<Bytes> {
        let began = Instant::now();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, self.to));
        let first = u32::from(Ipv4Addr::new(127, 2, 0, 1));
        let from = Ipv4Addr::from(first + self.number);
        loop {
            let mut request = request();
            let host = format!("localhost:{}", self.port);
            let host = host.parse().expect("a header");
            request.headers_mut().insert(header::HOST, host);
            let last = match transport::send(from, to, request).await {
                Ok(answer) if answer.status() == StatusCode::BAD_GATEWAY => "an interrupted call",
                Ok(answer)
                    if matches!(
                        answer.status(),
                        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
                    ) =>
                {
                    "a busy or throttling server"
                }
                Ok(answer) => {
                    self.keep_cookie(&answer);
                    return answer;
                }
                Err(broken) => panic!("the balancer itself: {broken:?}"),
            };
            assert!(began.elapsed() < RETRY_TIMEOUT, "gave up after {last}");
            self.retries += 1;
            let pause = 30 + u64::from(self.number % 70);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    fn keep_cookie(&mut self, answer: &Response<Bytes>) {
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let text = cookie.to_str().expect("plain text");
            // The other cookie only identifies a browser that has signed in before.
            if !text.starts_with("mcpo-known=") {
                self.cookie = text.split(';').next().map(str::to_owned);
            }
        }
    }
}

fn with_cookie(
    request: hyper::http::request::Builder,
    cookie: Option<&str>,
) -> hyper::http::request::Builder {
    match cookie {
        Some(cookie) => request.header(header::COOKIE, cookie),
        None => request,
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn location(answer: &Response<Bytes>) -> String {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{answer:?}");
    let location = answer.headers().get(header::LOCATION);
    let text = location.expect("a location").to_str();
    text.expect("plain text").to_owned()
}

fn json_of(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

fn tokens_of(answer: &Response<Bytes>) -> Tokens {
    let body = json_of(answer);
    let text = |name: &str| body[name].as_str().expect("a token").to_owned();
    Tokens {
        access: text("access_token"),
        refresh: text("refresh_token"),
    }
}
