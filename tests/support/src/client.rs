//! A client for tests: each step of the flow by hand, so that any of them can be done wrongly.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

/// The verifier that all tests use.
pub const VERIFIER: &str = "a-verifier-of-sufficient-length-for-pkce-0123456789";
/// Where all tests let themselves be redirected.
pub const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";

/// A registered client with a browser of its own.
pub struct TestClient {
    /// Sends requests, keeps cookies, follows no redirects.
    pub http: Client,
    /// The server's base URL.
    pub base: String,
    /// The client id it got.
    pub id: String,
    /// The secret it got, if it asked for one.
    pub secret: Option<String>,
}

/// What every HTTP client of the tests is built from. The runtime brings TLS into reqwest
/// without a provider of cryptography, so one has to be chosen, although nothing here uses it.
pub fn http() -> ClientBuilder {
    // An error means that another thread of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

/// A browser that follows nothing by itself.
pub fn browser() -> Client {
    http()
        .redirect(Policy::none())
        .cookie_store(true)
        .build()
        .expect("an HTTP client")
}

/// What a redirect carries, by name.
pub fn query_of(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).expect("a URL");
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// The `Location` of a redirect.
pub fn location(response: &Response) -> String {
    let header = response.headers().get("location");
    let text = header.unwrap_or_else(|| panic!("no redirect: {response:?}"));
    text.to_str().expect("plain text").to_owned()
}

/// The hidden field of our forms.
pub fn form_in(html: &str) -> String {
    let start = html
        .split("name=\"form\" value=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("no form in {html}"));
    start.split('"').next().expect("an end").to_owned()
}

/// The S256 challenge of a verifier.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

impl TestClient {
    /// Registers a public client.
    pub async fn register(base: &str) -> Self {
        let metadata = json!({
            "client_name": "Test Client",
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": "none",
        });
        Self::register_as(base, &metadata).await
    }

    /// Registers with metadata of the test's own.
    pub async fn register_as(base: &str, metadata: &Value) -> Self {
        let http = browser();
        let response = http.post(format!("{base}/register")).json(metadata).send();
        let response = response.await.expect("an answer");
        assert_eq!(response.status(), StatusCode::CREATED);
        let body: Value = response.json().await.expect("JSON");
        Self {
            http,
            base: base.to_owned(),
            id: body["client_id"].as_str().expect("an id").to_owned(),
            secret: body["client_secret"].as_str().map(str::to_owned),
        }
    }

    /// The parameters of a good authorization request.
    pub fn request(&self) -> Vec<(&'static str, String)> {
        vec![
            ("response_type", "code".into()),
            ("client_id", self.id.clone()),
            ("redirect_uri", REDIRECT_URI.into()),
            ("state", "the-state".into()),
            ("code_challenge", challenge(VERIFIER)),
            ("code_challenge_method", "S256".into()),
            ("resource", format!("{}/mcp", self.base)),
            ("scope", "mcp:tools".into()),
        ]
    }

    /// Asks for `/authorize` with these parameters.
    pub async fn authorize(&self, parameters: &[(&str, String)]) -> Response {
        let url = Url::parse_with_params(&format!("{}/authorize", self.base), parameters);
        let response = self.http.get(url.expect("a URL")).send().await;
        response.expect("an answer")
    }

    /// Sends a form of ours.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.http.post(format!("{}{path}", self.base)).form(fields);
        request.send().await.expect("an answer")
    }

    /// Walks the pages as somebody who agrees; the answer is where the browser is sent.
    pub async fn sign_in_and_allow(
        &self,
        parameters: &[(&str, String)],
        password: Option<&str>,
    ) -> String {
        let mut page = self.authorize(parameters).await;
        if let Some(password) = password {
            let form = form_in(&page.text().await.expect("a page"));
            let answer = self
                .submit("/sign-in", &[("form", &form), ("password", password)])
                .await;
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
            let next = format!("{}{}", self.base, location(&answer));
            page = self.http.get(next).send().await.expect("an answer");
        }
        assert_eq!(page.status(), StatusCode::OK);
        let form = form_in(&page.text().await.expect("a page"));
        let answer = self
            .submit("/consent", &[("form", &form), ("decision", "allow")])
            .await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        location(&answer)
    }

    /// A fresh code.
    pub async fn code(&self) -> String {
        let url = self.sign_in_and_allow(&self.request(), None).await;
        query_of(&url, "code").unwrap_or_else(|| panic!("no code in {url}"))
    }

    /// The parameters of a good code exchange.
    pub fn exchange(&self, code: &str) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "authorization_code".into()),
            ("code", code.into()),
            ("redirect_uri", REDIRECT_URI.into()),
            ("client_id", self.id.clone()),
            ("code_verifier", VERIFIER.into()),
            ("resource", format!("{}/mcp", self.base)),
        ]
    }

    /// Sends a token request.
    pub async fn token(&self, parameters: &[(&str, String)]) -> (StatusCode, Value) {
        let url = format!("{}/token", self.base);
        answer(self.http.post(url).form(parameters)).await
    }

    /// Sends a refresh request.
    pub async fn refresh(&self, token: &str) -> (StatusCode, Value) {
        self.token(&[
            ("grant_type", "refresh_token".into()),
            ("refresh_token", token.into()),
            ("client_id", self.id.clone()),
        ])
        .await
    }

    /// The whole flow; the answer of the token endpoint.
    pub async fn tokens(&self) -> Value {
        let code = self.code().await;
        let (status, body) = self.token(&self.exchange(&code)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// A stateless call with a token.
    pub fn call(&self, token: &str, tool: &str, arguments: &Value) -> RequestBuilder {
        self.http
            .post(format!("{}/mcp", self.base))
            .bearer_auth(token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool)
            .json(&json!({
                "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": {
                    "name": tool,
                    "arguments": arguments,
                    "_meta": {
                        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                        "io.modelcontextprotocol/clientCapabilities": {},
                    },
                },
            }))
    }

    /// Whether a token opens `/mcp`.
    pub async fn can_call(&self, token: &str) -> StatusCode {
        let request = self.call(token, "add", &json!({ "a": 1, "b": 2 }));
        request.send().await.expect("an answer").status()
    }
}

/// The status and JSON body of an answer; an empty body is null.
pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let body = response.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
