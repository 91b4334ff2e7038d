//! Refusals: the report names the server that refuses, and the setting that allows the client.

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{Fault, OAuthServer};

use crate::support::{fault_verdicts, verdicts};

#[tokio::test]
async fn a_bot_check_on_the_endpoint() {
    assert_snapshot!(fault_verdicts(Fault::BotCheckOnEndpoint).await, @"
    exit 1
    fail challenge
      seen: http://127.0.0.1:…/mcp: HTTP 403 from Cloudflare, which is in front of the server: a challenge page, which no program passes
      expected: 401 with a WWW-Authenticate header, or an answer to initialize
      hint: allow 160.79.104.0/21 and 153.61.208.0/20 (claude.ai) with an IP Access rule, or turn Bot Fight Mode off; for other challenges add a Skip rule for /mcp, /.well-known, /token and /register
    skipped the rest
    outcome: shows before_sign_in
    ");
}

#[tokio::test]
async fn a_bot_check_on_the_metadata() {
    assert_snapshot!(fault_verdicts(Fault::BotCheckOnMetadata).await, @"
    exit 1
    fail server-metadata
      seen: http://127.0.0.1:…/.well-known/oauth-authorization-server: HTTP 403 from Cloudflare, which is in front of the server: a challenge page, which no program passes
      expected: 200 with a JSON document at one of the well-known addresses of the issuer
      hint: allow 160.79.104.0/21 and 153.61.208.0/20 (claude.ai) with an IP Access rule, or turn Bot Fight Mode off; for other challenges add a Skip rule for /mcp, /.well-known, /token and /register
    skipped the rest
    outcome: shows before_sign_in
    ");
}

#[tokio::test]
async fn a_bot_check_on_the_token_endpoint() {
    assert_snapshot!(fault_verdicts(Fault::BotCheckOnToken).await, @"
    exit 1
    fail token
      seen: http://127.0.0.1:…/token: HTTP 403 from Cloudflare, which is in front of the server: a challenge page, which no program passes
      expected: 200 with access_token and token_type Bearer
      hint: allow 160.79.104.0/21 and 153.61.208.0/20 (claude.ai) with an IP Access rule, or turn Bot Fight Mode off; for other challenges add a Skip rule for /mcp, /.well-known, /token and /register
    skipped the rest
    outcome: shows token
    ");
}

/// Users have a browser there, so nothing is known about the server.
#[tokio::test]
async fn a_bot_check_on_the_sign_in_page() {
    assert_snapshot!(fault_verdicts(Fault::BotCheckOnPage).await, @"
    exit 2
    could-not-run authorization
      because: http://127.0.0.1:…/authorize: HTTP 403 from Cloudflare, which is in front of the server: a challenge page, which no program passes
      hint: browsers pass this check: sign in yourself with --browser
    skipped the rest
    outcome: no problem before authorization; the later steps are unknown
    ");
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
    assert_snapshot!(fault_verdicts(Fault::CloudRunForbids).await, @"
    exit 1
    fail challenge
      seen: http://127.0.0.1:…/mcp: HTTP 403 from Google Cloud Run, which is in front of the server: its own check (IAM) refused: the request never reached the server
      expected: 401 with a WWW-Authenticate header, or an answer to initialize
      hint: gcloud run services update SERVICE --no-invoker-iam-check, or allUsers as roles/run.invoker
    skipped the rest
    outcome: shows before_sign_in
    ");
}

#[tokio::test]
async fn an_error_page_behind_a_gateway() {
    assert_snapshot!(fault_verdicts(Fault::UnknownGatewayPage).await, @"
    exit 1
    fail registration
      seen: HTTP 503, a page “503 Service Unavailable”: Try again later.
      expected: 201 with a client_id
      hint: Cloudflare, which is in front of the server, may have got no answer from the server; otherwise fix the registration endpoint; the server's log shows the cause
    skipped the rest
    outcome: shows registration
    ");
}

#[tokio::test]
async fn registration_needs_a_token() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationNeedsToken).await, @"
    exit 1
    fail registration
      seen: HTTP 401, invalid_token: Initial access token required
      expected: 201 with a client_id
      hint: let clients register without an initial access token (RFC 7591 §3), or register a client by hand and pass it with --client-id
    skipped the rest
    outcome: shows registration
    ");
}

#[tokio::test]
async fn a_policy_forbids_the_registration() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationForbidden).await, @"
    exit 1
    fail registration
      seen: HTTP 403, insufficient_scope: Policy 'Trusted Hosts' rejected request to client-registration service. Details: URI doesn't match any trusted host
      expected: 201 with a client_id
      hint: allow a web client with the redirect URI https://claude.ai/api/mcp/auth_callback in the policy that says: Policy 'Trusted Hosts' rejected request to client-registration service. Details: URI doesn't match any trusted host
      setting: Keycloak: the policy Trusted Hosts does not know a redirect host: Clients, Client registration, Trusted Hosts: add claude.ai (and localhost for programs)
    skipped the rest
    outcome: shows registration
    ");
}

#[tokio::test]
async fn too_many_registrations() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationLimited).await, @"
    exit 2
    could-not-run registration
      because: http://127.0.0.1:…/register: HTTP 429, too_many_requests: Too many registrations from this address; Retry-After: 3600
      hint: the server limits registrations: wait, then use --reuse, which keeps the client instead of registering one in each run
    skipped the rest
    outcome: no problem before registration; the later steps are unknown
    ");
}

#[tokio::test]
async fn registration_500() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationError500).await, @"
    exit 1
    fail registration
      seen: HTTP 500, no database
      expected: 201 with a client_id
      hint: fix the registration endpoint; the server's log shows the cause
    skipped the rest
    outcome: shows registration
    ");
}

#[tokio::test]
async fn the_authorization_endpoint_does_not_know_the_redirect_uri() {
    assert_snapshot!(fault_verdicts(Fault::AuthorizeUnknownRedirectUri).await, @r#"
    exit 1
    fail authorization
      seen: http://127.0.0.1:…/authorize: HTTP 400, {"error":"invalid_request","error_description":"Redirect URI 'https://claude.ai/api/mcp/auth_callback' does not match allowed patterns."}
      expected: a redirect, or a page with a form
      hint: accept the redirect URI https://claude.ai/api/mcp/auth_callback, exactly as the client registered it
    skipped the rest
    outcome: shows sign_in
    "#);
}

#[tokio::test]
async fn the_authorization_endpoint_does_not_know_the_client() {
    assert_snapshot!(fault_verdicts(Fault::AuthorizeUnknownClient).await, @"
    exit 1
    fail authorization
      seen: http://127.0.0.1:…/authorize: HTTP 400, a page “We are sorry...”: Client not found.
      expected: a redirect, or a page with a form
      hint: accept the client id that the client was given (client-1): the authorization endpoint must read the same store as the registration endpoint
    skipped the rest
    outcome: shows sign_in
    ");
}

#[tokio::test]
async fn the_authorization_endpoint_does_not_know_the_resource() {
    assert_snapshot!(fault_verdicts(Fault::AuthorizeUnknownResource).await, @"
    exit 1
    fail authorization
      seen: http://127.0.0.1:…/authorize: HTTP 400, a page “Error”: Service not found: the API
      expected: a redirect, or a page with a form
      hint: accept the resource http://127.0.0.1:…/mcp, which the metadata names
    skipped the rest
    outcome: shows sign_in
    ");
}

#[tokio::test]
async fn a_scope_is_refused() {
    assert_snapshot!(fault_verdicts(Fault::ScopeRefused).await, @"
    exit 1
    fail authorization
      seen: error=invalid_scope The client is not allowed to request scope 'tools:read'.
      expected: a code
      hint: grant the requested scopes (tools:read): they are those that the challenge and the metadata name
    skipped the rest
    outcome: shows sign_in
    ");
}

/// The page has status 200 and a form without inputs.
#[tokio::test]
async fn an_error_page_with_a_known_code_is_a_failure() {
    assert_snapshot!(fault_verdicts(Fault::ErrorPageWithCode).await, @"
    exit 1
    fail authorization
      seen: http://127.0.0.1:…/authorize: HTTP 200, a page “Sign in to your account”: Sorry, but we're having trouble signing you in. AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.
      expected: a redirect, or a page with a form
      hint: name fully qualified scopes in scopes_supported: the Application ID URI, which must be the metadata's resource, and the scope (api://APP-ID/SCOPE); openid, profile, email and offline_access stay short
      setting: Microsoft Entra ID: the scope is not one of the resource: scopes_supported: the whole scope, with the metadata's `resource` as its prefix; the Application ID URI must be that resource
    skipped the rest
    outcome: shows sign_in
    ");
}

#[tokio::test]
async fn a_page_that_needs_scripts_is_quoted() {
    assert_snapshot!(fault_verdicts(Fault::PageWithoutForm).await, @"
    exit 2
    could-not-run authorization
      because: a page without a form to continue with at http://127.0.0.1:…/authorize: a page: Loading…
      hint: sign in yourself with --browser
    skipped the rest
    outcome: no problem before authorization; the later steps are unknown
    ");
}

#[tokio::test]
async fn a_server_behind_a_proxy_names_its_inner_port() {
    assert_snapshot!(fault_verdicts(Fault::ResourceOnOtherPort).await, @"
    exit 1
    fail resource-identity
      seen: resource is http://127.0.0.1:…/mcp
      expected: http://127.0.0.1:…/mcp, byte for byte as the user types it
      hint: behind a proxy, tell the server its public address: set it to http://127.0.0.1:…, or pass X-Forwarded-Proto and X-Forwarded-Host on and let the server trust them
    skipped the rest
    outcome: shows before_sign_in
    ");
}
