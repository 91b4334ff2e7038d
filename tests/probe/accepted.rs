//! Documents that the libraries of some clients reject.

use mcpo_test_support::oauth_server::{Fault, OAuthServer};
use serde_json::Value;

use crate::support::probe;

/// Returns the verdict and the text of the check `id` in a probe as `client`.
async fn check(fault: Fault, client: &str, id: &str) -> (String, String, String) {
    let server = OAuthServer::with(fault).await;
    let run = probe(&[&server.url(), "--as", client, "--json"]).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    let checks = report["checks"].as_array().expect("checks");
    let check = checks
        .iter()
        .find(|check| check["id"] == id)
        .expect("the check");
    let text = |name: &str| check[name].as_str().expect("text").to_owned();
    (text("verdict"), text("seen"), text("hint"))
}

/// The library of Claude Code rejects these; the library of claude.ai is unknown, so it is only
/// warned about.
#[tokio::test]
async fn a_document_that_the_clients_own_library_rejects_fails() {
    for (fault, id, problem) in [
        (
            Fault::ServerMetadataWithoutResponseTypes,
            "server-metadata",
            "`response_types_supported` is missing",
        ),
        (
            Fault::ServerMetadataWithNull,
            "server-metadata",
            "`scopes_supported` is null",
        ),
        (
            Fault::RegistrationWithNulls,
            "registration",
            "`grant_types` is null",
        ),
        (
            Fault::RegistrationWithoutUris,
            "registration",
            "`redirect_uris` is missing",
        ),
        (Fault::TokensWithNulls, "token", "`scope` is null"),
        (Fault::RefreshedWithNull, "refresh", "`scope` is null"),
    ] {
        let (verdict, seen, _) = check(fault, "claude-code", id).await;
        assert_eq!(verdict, "fail", "{fault:?}: {seen}");
        let library = "Claude Code's library (npm @modelcontextprotocol/sdk 1.32.2)";
        assert_eq!(seen, format!("{library} rejects this document: {problem}"));
        let (verdict, seen, _) = check(fault, "claude", id).await;
        assert_eq!(verdict, "warn", "{fault:?}: {seen}");
        assert!(seen.starts_with(problem), "{fault:?}: {seen}");
        assert!(
            seen.contains("rejected by") && seen.contains("Claude Code"),
            "{seen}"
        );
    }
}

/// The library goes on with the origin as the issuer, and without `resource`.
#[tokio::test]
async fn a_rejected_resource_document_is_ignored_as_the_library_does() {
    let fault = Fault::ResourceMetadataWithNull;
    let (verdict, seen, hint) = check(fault, "claude-code", "resource-metadata").await;
    assert_eq!(verdict, "warn", "{seen}");
    assert!(seen.ends_with("`resource_documentation` is null"), "{seen}");
    assert_eq!(hint, "leave `resource_documentation` out instead");
    let (verdict, ..) = check(fault, "claude-code", "server-metadata").await;
    assert_eq!(verdict, "pass");
    let server = OAuthServer::with(fault).await;
    probe(&[&server.url(), "--as", "claude-code"]).await;
    assert!(!server.parameters().join("&").contains("resource="));
}

#[tokio::test]
async fn a_wrong_type_is_called_by_its_name() {
    for (fault, id, expected) in [
        (
            Fault::AuthorizationServersIsText,
            "resource-metadata",
            "`authorization_servers` is text, not a list",
        ),
        (
            Fault::PkceIsText,
            "server-metadata",
            "`code_challenge_methods_supported` is text, not a list",
        ),
        (
            Fault::ExpiresInIsText,
            "token",
            "`expires_in` is text, not a number",
        ),
        (
            Fault::ScopesWithCommas,
            "token",
            "scopes in `scope` are separated by commas",
        ),
        (
            Fault::TokenErrorAsSuccess,
            "token",
            "`error` is bad_client_secret in an answer with HTTP 200",
        ),
        (
            Fault::TokensNested,
            "token",
            "access_token is inside `user`, not at the top level",
        ),
    ] {
        let (verdict, seen, _) = check(fault, "claude", id).await;
        assert!(
            verdict == "fail" || verdict == "warn",
            "{fault:?}: {verdict}"
        );
        assert!(seen.contains(expected), "{fault:?}: {seen}");
        assert!(!seen.contains("page"), "{fault:?}: {seen}");
    }
}

#[tokio::test]
async fn a_firewall_that_refuses_the_client_is_found() {
    let fault = Fault::RefusesUserAgent;
    let (verdict, seen, hint) = check(fault, "claude", "initialize").await;
    assert_eq!(
        (verdict.as_str(), seen.as_str()),
        ("fail", "HTTP 403, Request blocked")
    );
    assert!(hint.contains("Claude-User"), "{hint}");
    let (verdict, ..) = check(fault, "codex", "initialize").await;
    assert_eq!(verdict, "pass");
}
