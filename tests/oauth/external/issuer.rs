//! The issuer's keys, and an issuer with faults.

use std::time::{Duration, Instant};

use mcpo_test_support::issuer::{IssuerFault, SigningKey};
use reqwest::StatusCode;
use serde_json::json;

use super::Trusting;

#[tokio::test]
async fn rs6_a_new_key_is_learned_and_an_old_one_forgotten() {
    let trusting = Trusting::new().await;
    let old = trusting.issuer.sign(&trusting.claims());
    assert_eq!(trusting.status(&old).await, StatusCode::OK);
    trusting.issuer.rotate("second");
    trusting.server.clock.advance(Duration::from_secs(20));
    let new = trusting.issuer.sign(&trusting.claims());
    assert_eq!(trusting.status(&new).await, StatusCode::OK);
    let forged = SigningKey::new("first").sign(json!({}), &trusting.claims());
    assert_eq!(trusting.status(&forged).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn rs6_unknown_keys_do_not_make_us_ask_again_and_again() {
    let trusting = Trusting::new().await;
    let good = trusting.issuer.sign(&trusting.claims());
    assert_eq!(trusting.status(&good).await, StatusCode::OK);
    assert_eq!(trusting.issuer.key_requests(), 1);
    trusting.server.clock.advance(Duration::from_secs(20));
    for number in 0..20 {
        let stranger = SigningKey::new(&format!("unknown {number}"));
        let token = stranger.sign(json!({}), &trusting.claims());
        assert_eq!(trusting.status(&token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(trusting.issuer.key_requests(), 2);
    // Known keys are cached for an hour.
    trusting.server.clock.advance(Duration::from_secs(3500));
    let good = trusting.issuer.sign(&trusting.claims());
    assert_eq!(trusting.status(&good).await, StatusCode::OK);
    assert_eq!(trusting.issuer.key_requests(), 2);
    trusting.server.clock.advance(Duration::from_secs(200));
    let good = trusting.issuer.sign(&trusting.claims());
    assert_eq!(trusting.status(&good).await, StatusCode::OK);
    assert_eq!(trusting.issuer.key_requests(), 3);
}

#[tokio::test]
async fn rs6_other_keys_in_the_set_change_nothing() {
    let trusting = Trusting::new().await;
    for published in [
        json!({ "use": "enc", "kid": "first" }),
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "first" }),
        json!({ "crv": "P-521", "kid": "first" }),
        json!({ "kty": "future", "kid": "first" }),
        json!({ "key_ops": ["encrypt"], "kid": "first" }),
        json!({ "alg": "ECDH-ES", "kid": "first" }),
    ] {
        trusting
            .issuer
            .add_key(SigningKey::new("x").published_as(published));
    }
    let good = trusting.issuer.sign(&trusting.claims());
    assert_eq!(trusting.status(&good).await, StatusCode::OK);
    let nameless = trusting
        .issuer
        .sign_as(json!({ "kid": null }), &trusting.claims());
    assert_eq!(
        trusting.status(&nameless).await,
        StatusCode::OK,
        "there is only one candidate"
    );
    trusting.issuer.add_key(SigningKey::new("second"));
    trusting.server.clock.advance(Duration::from_secs(3601));
    let nameless = trusting
        .issuer
        .sign_as(json!({ "kid": null }), &trusting.claims());
    assert_eq!(
        trusting.status(&nameless).await,
        StatusCode::UNAUTHORIZED,
        "there are two candidates"
    );
}

#[tokio::test]
async fn rs3_an_issuer_that_cannot_be_asked_is_no_reason_to_sign_in_again() {
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
        let trusting = Trusting::new().await;
        trusting.issuer.set(fault);
        // The server may have fetched the keys before.
        trusting
            .server
            .clock
            .advance(Duration::from_secs(2 * 24 * 60 * 60));
        let token = trusting.issuer.sign(&trusting.claims());
        let asked = Instant::now();
        let answer = trusting.call(&token, "add").await;
        assert_eq!(
            answer.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{fault:?}"
        );
        assert!(answer.headers().get("www-authenticate").is_none());
        assert!(asked.elapsed() < Duration::from_secs(3), "{fault:?}");
        // The issuer is not contacted for a moment, and then it is contacted again.
        trusting.issuer.set(IssuerFault::None);
        trusting.server.clock.advance(Duration::from_secs(16));
        assert_eq!(trusting.status(&token).await, StatusCode::OK, "{fault:?}");
    }
}

#[tokio::test]
async fn rs3_an_issuer_that_hangs_is_given_up_and_then_left_alone() {
    let trusting = Trusting::new().await;
    let token = trusting.issuer.sign(&trusting.claims());
    assert_eq!(trusting.status(&token).await, StatusCode::OK);
    trusting.issuer.set(IssuerFault::Hangs);
    trusting
        .server
        .clock
        .advance(Duration::from_secs(2 * 24 * 60 * 60));
    let token = trusting.issuer.sign(&trusting.claims());
    let asked = Instant::now();
    for _ in 0..3 {
        assert_eq!(
            trusting.status(&token).await,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn rs6_known_keys_are_good_for_a_day_without_the_issuer() {
    let trusting = Trusting::new().await;
    let token = trusting.issuer.sign(&trusting.claims());
    assert_eq!(trusting.status(&token).await, StatusCode::OK);
    trusting.issuer.set(IssuerFault::Down);
    for (hours, expected) in [
        (2, StatusCode::OK),
        (20, StatusCode::OK),
        (3, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        trusting
            .server
            .clock
            .advance(Duration::from_secs(hours * 60 * 60));
        let token = trusting.issuer.sign(&trusting.claims());
        assert_eq!(
            trusting.status(&token).await,
            expected,
            "{hours} hours later"
        );
    }
}
