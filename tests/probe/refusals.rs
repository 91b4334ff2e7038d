//! Refusals: the report names the server that refuses, and the setting that allows the client.

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{Fault, OAuthServer};

use crate::support::{fault_verdicts, verdicts};

#[tokio::test]
async fn a_bot_check_on_the_endpoint() {
    assert_snapshot!(fault_verdicts(Fault::BotCheckOnEndpoint).await, @"");
}

#[tokio::test]
async fn a_bot_check_on_the_metadata() {
    assert_snapshot!(fault_verdicts(Fault::BotCheckOnMetadata).await, @"");
}

#[tokio::test]
async fn a_bot_check_on_the_token_endpoint() {
    assert_snapshot!(fault_verdicts(Fault::BotCheckOnToken).await, @"");
}

/// Users have a browser there, so nothing is known about the server.
#[tokio::test]
async fn a_bot_check_on_the_sign_in_page() {
    assert_snapshot!(fault_verdicts(Fault::BotCheckOnPage).await, @"");
}

/// The fix names the addresses of the imitated client.
#[tokio::test]
async fn the_addresses_to_allow_are_those_of_the_client() {
    let server = OAuthServer::with(Fault::BotCheckOnToken).await;
    let named = [
        ("claude", "160.79.104.0/21 and 153.61.208.0/20"),
        ("chatgpt", "https://openai.com/chatgpt-connectors.json"),
        ("claude-code", "your users' addresses"),
    ];
    for (client, addresses) in named {
        let report = verdicts(&[&server.url(), "--as", client]).await;
        let hint = report.lines().find(|line| line.starts_with("  hint: "));
        assert!(
            hint.is_some_and(|hint| hint.contains(addresses)),
            "{report}"
        );
    }
}

#[tokio::test]
async fn cloud_run_forbids_the_request() {
    assert_snapshot!(fault_verdicts(Fault::CloudRunForbids).await, @"");
}

#[tokio::test]
async fn an_error_page_behind_a_gateway() {
    assert_snapshot!(fault_verdicts(Fault::UnknownGatewayPage).await, @"");
}

#[tokio::test]
async fn registration_needs_a_token() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationNeedsToken).await, @"");
}

#[tokio::test]
async fn a_policy_forbids_the_registration() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationForbidden).await, @"");
}

#[tokio::test]
async fn too_many_registrations() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationLimited).await, @"");
}

#[tokio::test]
async fn registration_500() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationError500).await, @"");
}

#[tokio::test]
async fn the_authorization_endpoint_does_not_know_the_redirect_uri() {
    assert_snapshot!(fault_verdicts(Fault::AuthorizeUnknownRedirectUri).await, @"");
}

#[tokio::test]
async fn the_authorization_endpoint_does_not_know_the_client() {
    assert_snapshot!(fault_verdicts(Fault::AuthorizeUnknownClient).await, @"");
}

#[tokio::test]
async fn the_authorization_endpoint_does_not_know_the_resource() {
    assert_snapshot!(fault_verdicts(Fault::AuthorizeUnknownResource).await, @"");
}

#[tokio::test]
async fn a_scope_is_refused() {
    assert_snapshot!(fault_verdicts(Fault::ScopeRefused).await, @"");
}

/// The page has status 200 and a form without inputs.
#[tokio::test]
async fn an_error_page_with_a_known_code_is_a_failure() {
    assert_snapshot!(fault_verdicts(Fault::ErrorPageWithCode).await, @"");
}

#[tokio::test]
async fn a_page_that_needs_scripts_is_quoted() {
    assert_snapshot!(fault_verdicts(Fault::PageWithoutForm).await, @"");
}

#[tokio::test]
async fn a_server_behind_a_proxy_names_its_inner_port() {
    assert_snapshot!(fault_verdicts(Fault::ResourceOnOtherPort).await, @"");
}
