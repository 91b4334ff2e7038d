//! The steps of a client to a token: register, authorize, consent, token.

use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use mcpo_test_support::client::{REDIRECT_URI, VERIFIER, challenge, form_in, query_of};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::connection::Connection;

/// A user with a client and a browser, at a separate address.
pub struct TestUser {
    connection: Connection,
    host: String,
    cookie: Option<String>,
}

/// Returns a separate loopback address for each user, because the server limits each address.
pub fn address(number: u32) -> Ipv4Addr {
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 1));
    Ipv4Addr::from(first + number)
}

impl TestUser {
    /// Connects a user to the server at `port`.
    pub async fn new(port: u16, number: u32) -> Self {
        Self {
            connection: Connection::open(port, address(number)).await,
            host: format!("localhost:{port}"),
            cookie: None,
        }
    }

    /// Registers a client and returns its id.
    pub async fn register(&mut self) -> String {
        let metadata = json!({
            "client_name": "Bench",
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": "none",
        });
        let answer = self
            .post("/register", "application/json", metadata.to_string())
            .await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{answer:?}");
        let body: Value = serde_json::from_slice(answer.body()).expect("JSON");
        body["client_id"].as_str().expect("an id").to_owned()
    }

    /// Consents, exchanges the code and returns the access token.
    pub async fn token(&mut self, client_id: &str) -> String {
        let resource = format!("http://{}/mcp", self.host);
        let query = form(&[
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", REDIRECT_URI),
            ("state", "the-state"),
            ("code_challenge", &challenge(VERIFIER)),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
        ]);
        let page = self.get(&format!("/authorize?{query}")).await;
        assert_eq!(page.status(), StatusCode::OK, "{page:?}");
        if let Some(cookie) = page.headers().get(header::SET_COOKIE) {
            let text = cookie.to_str().expect("plain text");
            self.cookie = text.split(';').next().map(str::to_owned);
        }
        let hidden = form_in(std::str::from_utf8(page.body()).expect("a page"));
        let decision = form(&[("form", &hidden), ("decision", "allow")]);
        let answer = self.post("/consent", FORM, decision).await;
        let location = answer.headers().get(header::LOCATION);
        let location = location.unwrap_or_else(|| panic!("no redirect: {answer:?}"));
        let code = query_of(location.to_str().expect("plain text"), "code").expect("a code");
        let exchange = form(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", client_id),
            ("code_verifier", VERIFIER),
        ]);
        let answer = self.post("/token", FORM, exchange).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        let body: Value = serde_json::from_slice(answer.body()).expect("JSON");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    async fn get(&mut self, path: &str) -> Response<Bytes> {
        self.send(Request::get(path), String::new()).await
    }

    async fn post(&mut self, path: &str, kind: &str, body: String) -> Response<Bytes> {
        let request = Request::post(path).header(header::CONTENT_TYPE, kind);
        self.send(request, body).await
    }

    async fn send(&mut self, request: http::request::Builder, body: String) -> Response<Bytes> {
        let mut request = request.header(header::HOST, &self.host);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Bytes::from(body).into()).expect("a request");
        self.connection.send(request).await
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn form(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}
