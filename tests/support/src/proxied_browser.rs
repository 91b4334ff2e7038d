//! A browser that reaches the server through a proxy that terminates TLS.

use std::{collections::BTreeMap, net::IpAddr};

use reqwest::{RequestBuilder, Response, StatusCode, redirect::Policy};
use serde_json::json;

use crate::client::{VERIFIER, answer, challenge, form_in, http};

/// The name of the server, as the browser sees it.
pub const HOST: &str = "a.example";

/// A browser. It keeps its cookies by hand, because they are `Secure` and the connection to the
/// server is plain HTTP.
pub struct ProxiedBrowser {
    http: reqwest::Client,
    server: String,
    client_id: String,
    cookies: BTreeMap<String, String>,
}

impl ProxiedBrowser {
    /// Registers a client at `server`. If `address` is set, requests are sent from that local
    /// address.
    pub async fn new(server: &str, address: Option<IpAddr>) -> Self {
        let http = http().redirect(Policy::none()).local_address(address);
        let http = http.build().expect("an HTTP client");
        let registration = http
            .post(format!("{server}/register"))
            .header("host", HOST)
            .json(&json!({
                "redirect_uris": ["https://b.example/cb"], "token_endpoint_auth_method": "none",
            }));
        let (_, registered) = answer(registration).await;
        Self {
            http,
            server: server.to_owned(),
            client_id: registered["client_id"].as_str().expect("an id").to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    async fn send(&mut self, request: RequestBuilder, forwarded_for: Option<&str>) -> Response {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = request
            .header("host", HOST)
            .header("cookie", cookies.join("; "));
        if let Some(list) = forwarded_for {
            request = request.header("x-forwarded-for", list);
        }
        let response = request.send().await.expect("an answer");
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().expect("plain text");
            assert!(cookie.starts_with("__Host-"), "{cookie}");
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a name");
            self.cookies.insert(name.into(), value.into());
        }
        response
    }

    /// Tries to sign in and returns true on success. `forwarded_for` is sent as `X-Forwarded-For`.
    pub async fn sign_in(&mut self, forwarded_for: Option<&str>, password: &str) -> bool {
        let page = self.http.get(format!("{}/authorize", self.server)).query(&[
            ("client_id", self.client_id.as_str()),
            ("response_type", "code"),
            ("code_challenge", &challenge(VERIFIER)),
            ("code_challenge_method", "S256"),
        ]);
        let page = self.send(page, forwarded_for).await;
        let page = page.text().await.expect("a page");
        if !page.contains("type=\"password\"") {
            return true;
        }
        let fields = [("form", form_in(&page)), ("password", password.to_owned())];
        let form = self.http.post(format!("{}/sign-in", self.server));
        let answer = self.send(form.form(&fields), forwarded_for).await;
        answer.status() == StatusCode::SEE_OTHER
    }

    /// Tries to sign in as if a proxy had forwarded the request for `address`.
    pub async fn sign_in_from(&mut self, address: &str, password: &str) -> bool {
        self.sign_in(Some(address), password).await
    }

    /// Sends wrong passwords until the address is locked out.
    pub async fn lock_out(&mut self, forwarded_for: &str) {
        for _ in 0..6 {
            assert!(!self.sign_in_from(forwarded_for, "wrong").await);
        }
    }
}
