//! A client for tests. Each step of the flow is separate, so that a test can get any of them wrong.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

/// The verifier that all tests use.
pub const VERIFIER: &str = "a-verifier-of-sufficient-length-for-pkce-0123456789";
/// The redirect URI that all tests use.
pub const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";

/// A registered client with a separate browser.
pub struct TestClient {
    /// Sends requests, keeps cookies and follows no redirects.
    pub http: Client,
    /// The server's base URL.
    pub base: String,
    /// The client id that the server issued.
    pub id: String,
    /// The client secret that the server issued, if the client registered for one.
    pub secret: Option<String>,
}

/// Returns the builder for every HTTP client of the tests. The runtime enables TLS in reqwest
/// without a cryptography provider, so a provider must be installed although the tests do not use
/// TLS here.
pub fn http() -> ClientBuilder {
    // An error means that another thread of this process has installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

/// Returns a browser that follows no redirects by itself.
pub fn browser() -> Client {
    browser_with(http())
}

/// Returns a browser with the settings of this builder, which follows no redirects by itself.
pub fn browser_with(builder: ClientBuilder) -> Client {
    let browser = builder.redirect(Policy::none()).cookie_store(true);
    browser.build().expect("an HTTP client")
}

/// Returns the query parameter `name` of a URL.
pub fn query_of(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).expect("a URL");
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// Returns the `Location` of a redirect.
pub fn location(response: &Response) -> String {
    let header = response.headers().get("location");
    let text = header.unwrap_or_else(|| panic!("no redirect: {response:?}"));
    text.to_str().expect("plain text").to_owned()
}

/// Returns the value of the hidden `form` field of a page.
pub fn form_in(html: &str) -> String {
    let start = html
        .split("name=\"form\" value=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("no form in {html}"));
    start.split('"').next().expect("an end").to_owned()
}

/// Returns the S256 challenge of a verifier.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

impl TestClient {
    /// Registers a public client.
    pub async fn register(base: &str) -> Self {
        Self::register_through(browser(), base).await
    }

    /// Registers a public client, whose user has this browser.
    pub async fn register_through(http: Client, base: &str) -> Self {
        let metadata = json!({
            "client_name": "Test Client",
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": "none",
        });
        Self::send_registration(http, base, &metadata).await
    }

    /// Registers with the given metadata.
    pub async fn register_as(base: &str, metadata: &Value) -> Self {
        Self::send_registration(browser(), base, metadata).await
    }

    async fn send_registration(http: Client, base: &str, metadata: &Value) -> Self {
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

    /// Returns the parameters of a valid authorization request.
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

    /// Requests `/authorize` with these parameters.
    pub async fn authorize(&self, parameters: &[(&str, String)]) -> Response {
        let url = Url::parse_with_params(&format!("{}/authorize", self.base), parameters);
        let response = self.http.get(url.expect("a URL")).send().await;
        response.expect("an answer")
    }

    /// Submits a form of the server's pages.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.http.post(format!("{}{path}", self.base)).form(fields);
        request.send().await.expect("an answer")
    }

    /// Signs in if there is a password, consents, and returns the URL of the final redirect.
    pub async fn sign_in_and_allow(
        &self,
        parameters: &[(&str, String)],
        password: Option<&str>,
    ) -> String {
        match password {
            Some(password) => self.sign_in_with(parameters, "password", password).await,
            None => self.allow(self.authorize(parameters).await).await,
        }
    }

    /// Signs in by filling in one field, consents, and returns the URL of the final redirect.
    pub async fn sign_in_with(
        &self,
        parameters: &[(&str, String)],
        field: &str,
        value: &str,
    ) -> String {
        let page = self.authorize(parameters).await;
        let form = form_in(&page.text().await.expect("a page"));
        let answer = self
            .submit("/sign-in", &[("form", &form), (field, value)])
            .await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let next = format!("{}{}", self.base, location(&answer));
        self.allow(self.http.get(next).send().await.expect("an answer"))
            .await
    }

    /// Consents on this page and returns the URL of the redirect.
    async fn allow(&self, page: Response) -> String {
        assert_eq!(page.status(), StatusCode::OK);
        let form = form_in(&page.text().await.expect("a page"));
        let answer = self
            .submit("/consent", &[("form", &form), ("decision", "allow")])
            .await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        location(&answer)
    }

    /// Runs the flow up to the redirect and returns the authorization code.
    pub async fn code(&self) -> String {
        let url = self.sign_in_and_allow(&self.request(), None).await;
        query_of(&url, "code").unwrap_or_else(|| panic!("no code in {url}"))
    }

    /// Returns the parameters of a valid code exchange.
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

    /// Runs the whole flow and returns the body of the token response.
    pub async fn tokens(&self) -> Value {
        let code = self.code().await;
        let (status, body) = self.token(&self.exchange(&code)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// Builds a stateless tool call with a token.
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

    /// Calls a tool with a token and returns the status.
    pub async fn can_call(&self, token: &str) -> StatusCode {
        let request = self.call(token, "add", &json!({ "a": 1, "b": 2 }));
        request.send().await.expect("an answer").status()
    }
}

/// Sends a request and returns the status and the JSON body; an empty body is null.
pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let body = response.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
