//! The crate as a library, by way of its example.

#[allow(dead_code, reason = "a test does not call `main`")]
#[path = "../examples/embedded.rs"]
mod embedded;

use mcpo_probe::{Probe, Verdict};
use mcpo_test_support::oauth_server::{Fault, OAuthServer, Settings};

#[tokio::test]
async fn a_healthy_server_passes() {
    let server = OAuthServer::start(Settings::default()).await;
    let report = embedded::check(&server.url()).await.unwrap();
    assert!(report.is_success(), "{}", report.headline());
    assert_eq!(report.failures().count(), 0);
    let token = report.checks.iter().find(|check| check.id() == "token");
    assert_eq!(token.unwrap().verdict, Verdict::Pass);
}

#[tokio::test]
async fn faulty_server_fails_the_expected_check() {
    let server = OAuthServer::with(Fault::NoResourceMetadata).await;
    let report = embedded::check(&server.url()).await.unwrap();
    assert!(!report.is_success());
    let failures: Vec<_> = report.failures().map(mcpo_probe::Check::id).collect();
    assert_eq!(failures, ["resource-metadata"]);
}

#[tokio::test]
async fn invalid_address_is_an_error() {
    let failure = Probe::new("example.com").run().await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "failed to read \"example.com\" as an address: relative URL without a base"
    );
}
