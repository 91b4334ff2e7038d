//! Faults of the provider: the sign-in fails, the user sees an explanation, and the log names the
//! fault.

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mcpo_runtime::Clock as _;
use mcpo_test_support::{
    client::form_in,
    issuer::{IssuerFault, ProviderFault},
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::OpenIdSetup;

/// The log of the server.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Captures everything that this process logs from now on.
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    }

    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap()
    }
}

async fn assert_refused(answer: Response, status: StatusCode, what: &str) {
    assert_eq!(answer.status(), status, "{what}");
    assert!(answer.headers().get("set-cookie").is_none(), "{what}");
    let page = answer.text().await.unwrap();
    assert!(page.contains("You are not signed in"), "{what}: {page}");
    assert!(page.contains("Start again"), "{what}: {page}");
}

fn claims(changed: Value) -> ProviderFault {
    ProviderFault {
        claims: changed,
        ..ProviderFault::default()
    }
}

fn head(changed: Value) -> ProviderFault {
    ProviderFault {
        head: changed,
        ..ProviderFault::default()
    }
}

fn token(status: u16, body: impl Into<String>) -> ProviderFault {
    ProviderFault {
        token: Some((status, body.into())),
        ..ProviderFault::default()
    }
}

fn userinfo(status: u16, body: &str) -> ProviderFault {
    ProviderFault {
        userinfo: Some((status, body.into())),
        ..ProviderFault::default()
    }
}

fn callback(name: &'static str, value: &str) -> ProviderFault {
    ProviderFault {
        callback: vec![(name, value.into())],
        ..ProviderFault::default()
    }
}

/// Returns faults of the id token, with the reason in the log.
fn wrong_id_tokens(now: u64) -> Vec<(ProviderFault, &'static str)> {
    vec![
        (
            ProviderFault {
                forged: true,
                ..ProviderFault::default()
            },
            "an invalid signature",
        ),
        (
            head(json!({ "alg": "none" })),
            "an algorithm that is not accepted (none)",
        ),
        (
            head(json!({ "alg": "HS256" })),
            "an algorithm that is not accepted (HS256)",
        ),
        (
            head(json!({ "alg": "RS256" })),
            "a key that its issuer does not have",
        ),
        (
            head(json!({ "kid": "other" })),
            "a key that its issuer does not have",
        ),
        (
            head(json!({ "crit": ["x"] })),
            "an extension that is not understood",
        ),
        (
            head(json!({ "typ": "at+jwt" })),
            "has the wrong type (at+jwt)",
        ),
        (
            head(json!({ "typ": "logout+jwt" })),
            "has the wrong type (logout+jwt)",
        ),
        (
            claims(json!({ "iss": "https://other.example" })),
            "is from another issuer",
        ),
        (claims(json!({ "iss": null })), "is from another issuer"),
        (
            claims(json!({ "aud": "another client" })),
            "is for the audience",
        ),
        (claims(json!({ "aud": null })), "is for the audience"),
        (
            claims(json!({ "aud": ["the client", "another"] })),
            "is for the audience",
        ),
        (
            claims(json!({ "azp": "another client" })),
            "no usable claim azp",
        ),
        (claims(json!({ "azp": 7 })), "no usable claim azp"),
        (claims(json!({ "exp": now - 61 })), "has expired"),
        (claims(json!({ "exp": null })), "no usable claim exp"),
        (claims(json!({ "iat": now + 120 })), "is not valid yet"),
        (claims(json!({ "iat": now - 700 })), "has expired"),
        (claims(json!({ "iat": null })), "no usable claim iat"),
        (claims(json!({ "nbf": now + 120 })), "is not valid yet"),
        (
            claims(json!({ "nonce": "another" })),
            "belongs to another sign-in (nonce)",
        ),
        (
            claims(json!({ "nonce": null })),
            "belongs to another sign-in (nonce)",
        ),
        (
            claims(json!({ "at_hash": "another" })),
            "belongs to another sign-in (at_hash)",
        ),
        (
            claims(json!({ "at_hash": 7 })),
            "belongs to another sign-in (at_hash)",
        ),
        (claims(json!({ "sub": null })), "no usable sub"),
        (claims(json!({ "sub": "" })), "no usable sub"),
        (claims(json!({ "sub": "x".repeat(256) })), "no usable sub"),
    ]
}

/// Returns faults of the other responses, with the reason in the log.
fn wrong_responses() -> Vec<(ProviderFault, &'static str)> {
    let bearer = r#"{"access_token":"a","token_type":"Bearer""#;
    vec![
        (token(200, format!("{bearer}}}")), "there is no id token"),
        (
            token(200, format!(r#"{bearer},"id_token":"x.y.z"}}"#)),
            "is not a JSON Web Token",
        ),
        (token(200, r#"{"token_type":"Bearer"}"#), "no bearer token"),
        (
            token(200, r#"{"access_token":"a","token_type":"mac"}"#),
            "no bearer token",
        ),
        (
            token(200, r#"{"access_token":"a\r\nb","token_type":"Bearer"}"#),
            "no bearer token",
        ),
        (
            token(200, format!(r#"{bearer},"expires_in":-1}}"#)),
            "expires_in is not a time",
        ),
        (token(200, "<html>"), "does not follow RFC 6749"),
        (token(200, " ".repeat(300 * 1024)), "is too long"),
        (token(302, ""), "answers 302"),
        (
            token(400, r#"{"error":"invalid_grant"}"#),
            "rejects the code",
        ),
        (
            token(401, r#"{"error":"invalid_client"}"#),
            "rejects OIDC_CLIENT_ID",
        ),
        (token(400, r#"{"error":"something new"}"#), "something new"),
        (
            userinfo(200, r#"{"sub":"bob"}"#),
            "the userinfo is about another user",
        ),
        (userinfo(200, "{}"), "the userinfo is about another user"),
        (userinfo(200, "a.signed.token"), "the userinfo is not JSON"),
        (userinfo(403, ""), "the userinfo endpoint answers 403"),
        (userinfo(404, ""), "the userinfo endpoint answers 404"),
        (
            callback("iss", "https://other.example"),
            "the response is from another issuer",
        ),
        (callback("iss", ""), "the response does not name its issuer"),
        (callback("code", ""), "the response has no code"),
        (callback("error", "login_required"), "login_required"),
    ]
}

#[tokio::test]
async fn up5_invalid_provider_responses_fail_the_sign_in() {
    let log = Log::start();
    let setup = OpenIdSetup::new().await;
    let mut faults = wrong_id_tokens(setup.server.clock.now().as_secs());
    faults.extend(wrong_responses());
    assert!(faults.len() >= 20);
    for (wrong, named) in faults {
        let what = format!("{wrong:?}");
        setup.provider.set_fault(wrong);
        log.take();
        let answer = setup.sign_in_as("ada").await;
        assert_refused(answer, StatusCode::BAD_GATEWAY, &what).await;
        let log = log.take();
        assert!(log.contains("sign-in refused"), "{what}: {log}");
        assert!(log.contains(named), "{named} for {what} in {log}");
        for secret in ["access-", "refresh-", "code-", "a secret"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
    // All faults were the provider's; the next sign-in succeeds.
    setup.provider.set_fault(ProviderFault::default());
    setup.tokens_of("ada").await;
}

#[tokio::test]
async fn up5_temporary_provider_errors_get_503() {
    let setup = OpenIdSetup::new().await;
    for wrong in [
        token(500, ""),
        token(429, ""),
        userinfo(503, ""),
        callback("error", "server_error"),
    ] {
        let what = format!("{wrong:?}");
        setup.provider.set_fault(wrong);
        let answer = setup.sign_in_as("ada").await;
        assert_refused(answer, StatusCode::SERVICE_UNAVAILABLE, &what).await;
    }
    setup.provider.set_fault(callback("error", "access_denied"));
    let answer = setup.sign_in_as("ada").await;
    assert_refused(answer, StatusCode::FORBIDDEN, "access_denied").await;
}

#[tokio::test]
async fn up5_missing_iss_is_accepted_if_the_provider_does_not_announce_it() {
    let setup = OpenIdSetup::new().await;
    setup.provider.set_fault(ProviderFault {
        silent: true,
        callback: vec![("iss", String::new())],
        ..ProviderFault::default()
    });
    setup.tokens_of("ada").await;
}

#[tokio::test]
async fn up5_unusable_provider_metadata_fails_the_sign_in() {
    for (fault, status) in [
        (IssuerFault::NoDocuments, StatusCode::BAD_GATEWAY),
        (IssuerFault::OtherIssuer, StatusCode::BAD_GATEWAY),
        (IssuerFault::NotJson, StatusCode::BAD_GATEWAY),
        (IssuerFault::PlainKeys, StatusCode::BAD_GATEWAY),
        (IssuerFault::EndlessKeys, StatusCode::BAD_GATEWAY),
        (IssuerFault::Down, StatusCode::SERVICE_UNAVAILABLE),
        (IssuerFault::Hangs, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let setup = OpenIdSetup::new().await;
        setup.provider.set(fault);
        let client = &setup.client;
        let page = client.authorize(&client.request()).await;
        let form = form_in(&page.text().await.unwrap());
        let asked = Instant::now();
        let fields = [("form", form.as_str()), ("decision", "allow")];
        let answer = client.submit("/consent", &fields).await;
        assert!(asked.elapsed() < Duration::from_secs(8), "{fault:?}");
        assert_eq!(answer.status(), status, "{fault:?}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("You are not signed in"), "{fault:?}: {page}");
    }
}

#[tokio::test]
async fn up5_sign_in_succeeds_after_provider_key_rotation() {
    let mut setup = OpenIdSetup::new().await;
    setup.tokens_of("ada").await;
    setup.use_new_browser().await;
    setup.provider.rotate("second");
    setup.server.clock.advance(Duration::from_secs(20));
    setup.tokens_of("ada").await;
}
