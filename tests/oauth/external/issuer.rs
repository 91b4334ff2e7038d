//! The issuer's keys, and an issuer with faults.

use std::time::{Duration, Instant};

use mcpo_test_support::issuer::{IssuerFault, SigningKey};
use reqwest::StatusCode;
use serde_json::json;

use super::ExternalSetup;

#[tokio::test]
async fn rs6_key_rotation_accepts_the_new_key_and_rejects_the_old_one() {
    let setup = ExternalSetup::new().await;
    let old = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&old).await, StatusCode::OK);
    setup.issuer.rotate("second");
    setup.server.clock.advance(Duration::from_secs(20));
    let new = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&new).await, StatusCode::OK);
    let forged = SigningKey::new("first").sign(json!({}), &setup.claims());
    assert_eq!(setup.status(&forged).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn rs6_unknown_keys_do_not_cause_repeated_key_requests() {
    let setup = ExternalSetup::new().await;
    let good = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&good).await, StatusCode::OK);
    assert_eq!(setup.issuer.key_requests(), 1);
    setup.server.clock.advance(Duration::from_secs(20));
    for number in 0..20 {
        let unknown_key = SigningKey::new(&format!("unknown {number}"));
        let token = unknown_key.sign(json!({}), &setup.claims());
        assert_eq!(setup.status(&token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(setup.issuer.key_requests(), 2);
    // Known keys are cached for an hour.
    setup.server.clock.advance(Duration::from_secs(3500));
    let good = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&good).await, StatusCode::OK);
    assert_eq!(setup.issuer.key_requests(), 2);
    setup.server.clock.advance(Duration::from_secs(200));
    let good = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&good).await, StatusCode::OK);
    assert_eq!(setup.issuer.key_requests(), 3);
}

#[tokio::test]
async fn rs6_unsupported_keys_in_the_key_set_are_ignored() {
    let setup = ExternalSetup::new().await;
    for published in [
        json!({ "use": "enc", "kid": "first" }),
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "first" }),
        json!({ "crv": "P-521", "kid": "first" }),
        json!({ "kty": "future", "kid": "first" }),
        json!({ "key_ops": ["encrypt"], "kid": "first" }),
        json!({ "alg": "ECDH-ES", "kid": "first" }),
    ] {
        setup
            .issuer
            .add_key(SigningKey::new("x").published_as(published));
    }
    let good = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&good).await, StatusCode::OK);
    let token_without_kid = setup
        .issuer
        .sign_as(json!({ "kid": null }), &setup.claims());
    assert_eq!(
        setup.status(&token_without_kid).await,
        StatusCode::OK,
        "there is only one candidate"
    );
    setup.issuer.add_key(SigningKey::new("second"));
    setup.server.clock.advance(Duration::from_secs(3601));
    let token_without_kid = setup
        .issuer
        .sign_as(json!({ "kid": null }), &setup.claims());
    assert_eq!(
        setup.status(&token_without_kid).await,
        StatusCode::UNAUTHORIZED,
        "there are two candidates"
    );
}

#[tokio::test]
async fn rs3_failing_issuer_causes_503_without_a_challenge() {
    for fault in [
        IssuerFault::NoDocuments,
        IssuerFault::OtherIssuer,
        IssuerFault::NotJson,
        IssuerFault::PlainKeys,
        IssuerFault::Down,
        IssuerFault::EndlessKeys,
        IssuerFault::NoKeys,
        IssuerFault::RedirectedKeys,
    ] {
        let setup = ExternalSetup::new().await;
        setup.issuer.set(fault);
        // The server may have fetched the keys before.
        setup
            .server
            .clock
            .advance(Duration::from_secs(2 * 24 * 60 * 60));
        let token = setup.issuer.sign(&setup.claims());
        let asked = Instant::now();
        let answer = setup.call(&token, "add").await;
        assert_eq!(
            answer.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{fault:?}"
        );
        assert!(answer.headers().get("www-authenticate").is_none());
        assert!(asked.elapsed() < Duration::from_secs(3), "{fault:?}");
        // The issuer is not contacted for a moment, and then it is contacted again.
        setup.issuer.set(IssuerFault::None);
        setup.server.clock.advance(Duration::from_secs(16));
        assert_eq!(setup.status(&token).await, StatusCode::OK, "{fault:?}");
    }
}

#[tokio::test]
async fn rs3_hanging_issuer_causes_one_timeout_and_then_fast_503() {
    let setup = ExternalSetup::new().await;
    let token = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&token).await, StatusCode::OK);
    setup.issuer.set(IssuerFault::Hangs);
    setup
        .server
        .clock
        .advance(Duration::from_secs(2 * 24 * 60 * 60));
    let token = setup.issuer.sign(&setup.claims());
    let asked = Instant::now();
    for _ in 0..3 {
        assert_eq!(setup.status(&token).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn rs6_cached_keys_are_valid_for_a_day_without_the_issuer() {
    let setup = ExternalSetup::new().await;
    let token = setup.issuer.sign(&setup.claims());
    assert_eq!(setup.status(&token).await, StatusCode::OK);
    setup.issuer.set(IssuerFault::Down);
    for (hours, expected) in [
        (2, StatusCode::OK),
        (20, StatusCode::OK),
        (3, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        setup
            .server
            .clock
            .advance(Duration::from_secs(hours * 60 * 60));
        let token = setup.issuer.sign(&setup.claims());
        assert_eq!(setup.status(&token).await, expected, "{hours} hours later");
    }
}
