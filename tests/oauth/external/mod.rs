//! A server that trusts an external authorization server.

mod certificate_authorities;
mod issuer;
mod tokens;

use std::sync::Arc;

use mcpo_runtime::{AuthorizationServer, Clock as _};
use mcpo_test_support::{
    client::TestClient, clock::ManualClock, issuer::TestIssuer, server::TestServer,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

/// The server, the issuer that it trusts, and a client that is registered nowhere.
struct ExternalSetup {
    issuer: TestIssuer,
    server: TestServer,
    client: TestClient,
}

impl ExternalSetup {
    async fn new() -> Self {
        Self::with(|server| server).await
    }

    async fn with(change: impl FnOnce(AuthorizationServer) -> AuthorizationServer) -> Self {
        let issuer = TestIssuer::start().await;
        let trusted = change(AuthorizationServer::new(issuer.issuer()).unwrap());
        let clock = Arc::<ManualClock>::default();
        let server = TestServer::start_on("127.0.0.1:0", clock, |config| {
            config.with_authorization_server(trusted)
        })
        .await;
        let client = TestClient {
            http: mcpo_test_support::client::browser(),
            base: server.base(),
            id: String::new(),
            secret: None,
        };
        Self {
            issuer,
            server,
            client,
        }
    }

    /// Returns the claims of a valid token.
    fn claims(&self) -> Value {
        let now = self.server.clock.now().as_secs();
        json!({
            "iss": self.issuer.issuer(),
            "aud": format!("{}/mcp", self.server.base()),
            "sub": "ada",
            "client_id": "a client",
            "scope": "openid mcp:tools",
            "iat": now,
            "exp": now + 600,
        })
    }

    /// Returns the claims of a valid token with one claim changed.
    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        claims
    }

    async fn call(&self, token: &str, tool: &str) -> Response {
        let arguments = json!({ "a": 1, "b": 2 });
        let call = self.client.call(token, tool, &arguments);
        call.send().await.unwrap()
    }

    async fn status(&self, token: &str) -> StatusCode {
        self.call(token, "add").await.status()
    }
}

#[tokio::test]
async fn rs1_rs2_external_issuer_is_advertised_and_own_endpoints_are_absent() {
    let setup = ExternalSetup::new().await;
    let base = setup.server.base();
    let http = &setup.client.http;
    let answer = http.post(format!("{base}/mcp")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let metadata = format!("{base}/.well-known/oauth-protected-resource/mcp");
    assert_eq!(
        answer.headers()["www-authenticate"],
        format!("Bearer resource_metadata=\"{metadata}\", scope=\"mcp:tools\"")
    );
    let document: Value = http
        .get(&metadata)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        document["authorization_servers"],
        json!([setup.issuer.issuer()])
    );
    assert_eq!(document["resource"], format!("{base}/mcp"));
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/authorize",
        "/register",
        "/sign-in",
        "/consent",
        "/token",
        "/revoke",
        "/introspect",
    ] {
        let get = http.get(format!("{base}{path}")).send().await.unwrap();
        let post = http.post(format!("{base}{path}")).send().await.unwrap();
        let statuses = (get.status(), post.status());
        assert_eq!(
            statuses,
            (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
            "{path}"
        );
    }
    let health = http.get(format!("{base}/health")).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
}

#[tokio::test]
async fn rs4_challenge_uses_the_scope_names_of_the_external_issuer() {
    let setup = ExternalSetup::with(|server| {
        let server = server.with_audience("api://x");
        server
            .with_scopes("api://x/use=mcp:tools api://x/write=notes:write")
            .unwrap()
    })
    .await;
    let mut claims = setup.claims_with("aud", json!("api://x"));
    claims["scope"] = Value::Null;
    // The format of Entra.
    claims["scp"] = json!("use");
    let token = setup.issuer.sign(&claims);
    assert_eq!(setup.status(&token).await, StatusCode::OK);
    let answer = setup.call(&token, "write_note").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    let needed = "scope=\"api://x/use api://x/write\"";
    assert!(challenge.contains(needed), "{challenge}");
    // The format of Okta.
    claims["scp"] = json!(["use", "write"]);
    let answer = setup.call(&setup.issuer.sign(&claims), "write_note").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let url = format!(
        "{}/.well-known/oauth-protected-resource/mcp",
        setup.server.base()
    );
    let document: Value = setup
        .client
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        document["scopes_supported"],
        json!(["api://x/use", "api://x/write"])
    );
}

#[tokio::test]
async fn rs3_rs4_valid_token_without_the_required_scope_gets_403() {
    let setup = ExternalSetup::new().await;
    for scope in ["openid profile", "", "mcp", "notes"] {
        let token = setup.issuer.sign(&setup.claims_with("scope", json!(scope)));
        let expected = match scope {
            // Wider scopes imply narrower scopes here as well.
            "mcp" | "notes" => StatusCode::OK,
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(setup.status(&token).await, expected, "{scope:?}");
    }
    let any = ExternalSetup::with(|server| server.with_scopes("*=mcp:tools").unwrap()).await;
    let token = any.issuer.sign(&any.claims_with("scope", Value::Null));
    assert_eq!(any.status(&token).await, StatusCode::OK);
    assert_eq!(
        any.call(&token, "write_note").await.status(),
        StatusCode::FORBIDDEN
    );
    let claim = ExternalSetup::with(|server| server.with_scope_claim("permissions")).await;
    let mut claims = claim.claims_with("permissions", json!(["notes:write"]));
    let token = claim.issuer.sign(&claims);
    assert_eq!(
        claim.call(&token, "write_note").await.status(),
        StatusCode::OK
    );
    claims["permissions"] = json!([]);
    let token = claim.issuer.sign(&claims);
    assert_eq!(
        claim.status(&token).await,
        StatusCode::FORBIDDEN,
        "the scope claim is ignored"
    );
}
