//! Valid tokens, and every kind of invalid token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mcpo_runtime::Clock as _;
use mcpo_test_support::{client::TestClient, issuer::SigningKey, server::TestServer};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::ExternalSetup;

#[tokio::test]
async fn rs6_valid_token_identifies_the_caller() {
    let setup = ExternalSetup::new().await;
    let answer = setup
        .call(&setup.issuer.sign(&setup.claims()), "whoami")
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.unwrap();
    assert!(text.contains("ada through a client"), "{text}");
    let now = setup.server.clock.now().as_secs();
    let mcp = format!("{}/mcp", setup.server.base());
    for (what, name, value) in [
        ("one of several audiences", "aud", json!(["other", mcp])),
        ("a clock that is behind", "exp", json!(now - 30)),
        ("a clock that is ahead", "iat", json!(now + 30)),
        (
            "a time with a fraction",
            "exp",
            json!(600.5 + f64::from(u32::try_from(now).unwrap())),
        ),
        ("valid for a while", "nbf", json!(now - 100)),
    ] {
        let token = setup.issuer.sign(&setup.claims_with(name, value));
        assert_eq!(setup.status(&token).await, StatusCode::OK, "{what}");
    }
    for kind in [
        json!("application/at+jwt"),
        json!("AT+JWT"),
        json!("JWT"),
        Value::Null,
    ] {
        let head = json!({ "typ": kind });
        let token = setup.issuer.sign_as(head, &setup.claims());
        assert_eq!(setup.status(&token).await, StatusCode::OK, "{kind}");
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Returns correctly signed tokens with wrong claims.
fn wrong_claims(setup: &ExternalSetup) -> Vec<(&'static str, String)> {
    let now = setup.server.clock.now().as_secs();
    let issuer = setup.issuer.issuer();
    let base = setup.server.base();
    let wrong = [
        ("another issuer", "iss", json!("https://other.example")),
        (
            "an issuer with an extra slash",
            "iss",
            json!(format!("{issuer}/")),
        ),
        ("a list of issuers", "iss", json!([issuer])),
        ("no issuer", "iss", Value::Null),
        (
            "another audience",
            "aud",
            json!("https://other.example/mcp"),
        ),
        (
            "other audiences",
            "aud",
            json!([base.clone() + "/other", "x"]),
        ),
        ("no audience", "aud", Value::Null),
        (
            "an audience that is not a string",
            "aud",
            json!({ "a": format!("{base}/mcp") }),
        ),
        ("expired", "exp", json!(now - 61)),
        ("no expiry", "exp", Value::Null),
        ("an expiry that is not a number", "exp", json!("never")),
        ("a negative expiry", "exp", json!(-1)),
        ("not valid yet", "nbf", json!(now + 120)),
        ("a start time that is not a number", "nbf", json!("now")),
        ("issued in the future", "iat", json!(now + 120)),
        ("no subject", "sub", Value::Null),
        ("an empty subject", "sub", json!("")),
        ("bound to a key", "cnf", json!({ "jkt": "x" })),
    ];
    let signed =
        wrong.map(|(what, name, value)| (what, setup.issuer.sign(&setup.claims_with(name, value))));
    signed.into()
}

/// Returns incorrectly signed tokens.
fn wrong_signatures(setup: &ExternalSetup) -> Vec<(&'static str, String)> {
    let issuer = &setup.issuer;
    let claims = setup.claims();
    let good = issuer.sign(&claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let unsigned = |algorithm: &str| {
        format!(
            "{}.{}.",
            part(&json!({ "alg": algorithm, "kid": "first" })),
            part(&claims)
        )
    };
    let unknown_key = SigningKey::new("first");
    let own = SigningKey::new("own");
    let other_claims = part(&setup.claims_with("sub", json!("eve")));
    let with_head = |head: Value| issuer.sign_as(head, &claims);
    vec![
        ("no signature", unsigned("none")),
        ("no signature, in another spelling", unsigned("nOnE")),
        ("a missing signature", format!("{message}.")),
        ("a shared secret", with_head(json!({ "alg": "HS256" }))),
        (
            "an RSA signature by this key",
            with_head(json!({ "alg": "RS256" })),
        ),
        (
            "a stronger curve by this key",
            with_head(json!({ "alg": "ES384" })),
        ),
        ("an unknown algorithm", with_head(json!({ "alg": "XS1" }))),
        ("no algorithm", with_head(json!({ "alg": null }))),
        (
            "an unknown key with the same id",
            unknown_key.sign(json!({}), &claims),
        ),
        (
            "a key in the header",
            own.sign(json!({ "jwk": own.jwk() }), &claims),
        ),
        (
            "a key from another URL",
            own.sign(json!({ "jku": "http://127.0.0.1:1/keys" }), &claims),
        ),
        (
            "an extension",
            with_head(json!({ "crit": ["exp"], "exp": 1 })),
        ),
        ("an id token", with_head(json!({ "typ": "id+jwt" }))),
        ("a logout token", with_head(json!({ "typ": "logout+jwt" }))),
        (
            "an id token with the type JWT",
            issuer.sign_as(
                json!({ "typ": "JWT" }),
                &setup.claims_with("nonce", json!("n")),
            ),
        ),
        (
            "other claims",
            format!(
                "{}.{other_claims}.{signature}",
                message.split('.').next().unwrap()
            ),
        ),
        ("an extra part", format!("{good}.x")),
        ("a missing part", message.to_owned()),
        ("not a token", "eyJ".to_owned()),
        ("a very long token", format!("{good}{}", "A".repeat(20_000))),
    ]
}

#[tokio::test]
async fn rs3_rs6_every_kind_of_invalid_token_gets_401() {
    let setup = ExternalSetup::new().await;
    let mut tokens = wrong_claims(&setup);
    tokens.extend(wrong_signatures(&setup));
    for (what, token) in tokens {
        let answer = setup.call(&token, "add").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{what}");
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.contains("error=\"invalid_token\""),
            "{what}: {challenge}"
        );
    }
    let good = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&good).await, StatusCode::OK);
}

#[tokio::test]
async fn rs6_token_expires_on_a_kept_alive_connection() {
    let setup = ExternalSetup::new().await;
    let token = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&token).await, StatusCode::OK);
    setup
        .server
        .clock
        .advance(std::time::Duration::from_secs(661));
    assert_eq!(setup.status(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn rs6_token_of_another_mcpo_server_is_rejected() {
    let setup = ExternalSetup::new().await;
    let own = TestServer::start().await;
    let client = TestClient::register(&own.base()).await;
    let tokens = client.tokens().await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(setup.status(token).await, StatusCode::UNAUTHORIZED);
}
