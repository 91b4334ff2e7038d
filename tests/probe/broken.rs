//! Servers with one fault each: the report names the step.

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::Fault;

use crate::support::{probe, probe_fault};

#[tokio::test]
async fn no_challenge() {
    assert_snapshot!(probe_fault(Fault::NoChallenge).await.report(), @r#"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      FAIL TIME  challenge
             seen      401 without a bearer challenge in WWW-Authenticate
             expected  WWW-Authenticate: Bearer resource_metadata="…"
             clause    RFC 9728 §5.1; RFC 6750 §3; MCP 2026-07-28 authorization, Protected Resource Metadata Discovery
             fix       add the header to every 401 of the MCP endpoint; without it claude.ai does not find the sign-in
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      ok TIME  registration       client-1, none at the token endpoint
      ok TIME  authorization      through 1 page
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    http://127.0.0.1:…
      ok TIME  token              Bearer, 3600 s, with refresh token
      ok TIME  token not cached   Cache-Control: no-store
      ok TIME  server/discover    2026-07-28
      ok TIME  initialize         test-server 1.2.3, 2025-11-25, with a session
      ok TIME  server card        Test server 1.2.3, 1 icon; instructions: Add numbers.
      ok TIME  versions           2025-03-26 → 2025-11-25, 2099-12-31 → 2025-11-25, stateless 2099-12-31 refused with the supported versions
      ok TIME  tools/list         2 tools: add, whoami
      ok TIME  tools/call         whoami: you are local
      ok TIME  resources          2 resources; test://motto can be read
      ok TIME  prompts            2 prompts; review can be fetched
      ok TIME  older clients      find the same tools
      ok TIME  refresh            Bearer, 3600 s, with refresh token

    failed: challenge, in TIME
    claude.ai: shows “Couldn't reach” the server or “Authorization with the MCP server failed”; no sign-in page opens
    next: mcpo probe http://127.0.0.1:…/mcp
    "#);
}

/// C3.
#[tokio::test]
async fn wrong_issuer() {
    assert_snapshot!(probe_fault(Fault::WrongIssuer).await.report(), @"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      FAIL TIME  issuer name
             seen      issuer is https://evil.example
             expected  http://127.0.0.1:…
             clause    RFC 8414 §3.3
             fix       spell the issuer identically in authorization_servers and in the issuer's own metadata
      skip             PKCE offered … refresh (17): the walk ended before it

    failed: issuer name, in TIME
    claude.ai: shows “Couldn't reach” the server or “Authorization with the MCP server failed”; no sign-in page opens
    next: mcpo probe http://127.0.0.1:…/mcp
    ");
}

/// C4.
#[tokio::test]
async fn no_pkce() {
    assert_snapshot!(probe_fault(Fault::NoPkce).await.report(), @r#"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      FAIL TIME  PKCE offered
             seen      no code_challenge_methods_supported
             expected  S256 among code_challenge_methods_supported
             clause    MCP 2026-07-28 authorization, Authorization Code Protection; RFC 8414 §2
             fix       verify PKCE, and announce it: "code_challenge_methods_supported": ["S256"]; clients refuse to continue without it
      skip             registration … refresh (16): the walk ended before it

    failed: PKCE offered, in TIME
    claude.ai: shows “Couldn't reach” the server or “Authorization with the MCP server failed”; no sign-in page opens
    next: mcpo probe http://127.0.0.1:…/mcp
    "#);
}

#[tokio::test]
async fn token_endpoint_500() {
    assert_snapshot!(probe_fault(Fault::TokenError500).await.report(), @"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      ok TIME  registration       client-1, none at the token endpoint
      ok TIME  authorization      through 1 page
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    http://127.0.0.1:…
      FAIL TIME  token
             seen      HTTP 500, database is locked
             expected  200 with access_token and token_type Bearer
             clause    RFC 6749 §4.1.3 and §5.1; RFC 7636 §4.5; RFC 8707 §2.2
             fix       fix the token endpoint; the server's log shows the cause
      skip             token not cached … refresh (11): the walk ended before it

    failed: token, in TIME
    claude.ai: shows “Authorization with the MCP server failed. You can check your credentials and permissions”
    next: mcpo probe http://127.0.0.1:…/mcp
    ");
}

#[tokio::test]
async fn tool_error() {
    assert_snapshot!(probe_fault(Fault::ToolError).await.report(), @"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      ok TIME  registration       client-1, none at the token endpoint
      ok TIME  authorization      through 1 page
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    http://127.0.0.1:…
      ok TIME  token              Bearer, 3600 s, with refresh token
      ok TIME  token not cached   Cache-Control: no-store
      ok TIME  server/discover    2026-07-28
      ok TIME  initialize         test-server 1.2.3, 2025-11-25, with a session
      ok TIME  server card        Test server 1.2.3, 1 icon; instructions: Add numbers.
      ok TIME  versions           2025-03-26 → 2025-11-25, 2099-12-31 → 2025-11-25, stateless 2099-12-31 refused with the supported versions
      ok TIME  tools/list         2 tools: add, whoami
      FAIL TIME  tools/call
             seen      whoami: no API key is set
             expected  a result without isError
             clause    MCP server/tools, Calling Tools
             fix       fix the tool: the text is its own error message
      ok TIME  resources          2 resources; test://motto can be read
      ok TIME  prompts            2 prompts; review can be fetched
      ok TIME  older clients      find the same tools
      ok TIME  refresh            Bearer, 3600 s, with refresh token

    failed: tools/call, in TIME
    claude.ai: shows a connector whose tool ends in an error in the chat
    next: mcpo probe http://127.0.0.1:…/mcp
    ");
}

/// C6: the refusal is shown.
#[tokio::test]
async fn registration_refused() {
    assert_snapshot!(probe_fault(Fault::RegistrationRefused).await.report(), @r#"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      FAIL TIME  registration
             seen      HTTP 400, {"error":"invalid_redirect_uri","error_description":"only https redirect URIs"}
             expected  201 with a client_id
             clause    RFC 7591 §3; MCP 2026-07-28 authorization, Client Registration Approaches
             fix       accept a web client with the redirect URI https://claude.ai/api/mcp/auth_callback
      skip             authorization … refresh (15): the walk ended before it

    failed: registration, in TIME
    claude.ai: shows “Authorization with the MCP server failed”; no sign-in page opens
    next: mcpo probe http://127.0.0.1:…/mcp
    "#);
}

/// C10.
#[tokio::test]
async fn wrong_iss_on_callback() {
    assert_snapshot!(probe_fault(Fault::WrongIss).await.report(), @"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      ok TIME  registration       client-1, none at the token endpoint
      ok TIME  authorization      through 1 page
      ok TIME  state returned     the one that was sent
      FAIL TIME  issuer returned
             seen      a different issuer in iss
             expected  iss=http://127.0.0.1:…
             clause    RFC 9207 §2.4
             fix       set iss to the issuer of the metadata, spelled identically
      skip             token … refresh (12): the walk ended before it

    failed: issuer returned, in TIME
    claude.ai: shows “Authorization with the MCP server failed. You can check your credentials and permissions”
    next: mcpo probe http://127.0.0.1:…/mcp
    ");
}

/// C10: an error from another issuer is not shown.
#[tokio::test]
async fn error_from_wrong_iss() {
    let report = probe_fault(Fault::ErrorFromWrongIss).await.report();
    assert!(
        report.starts_with("exit 1") && report.contains("issuer returned"),
        "{report}"
    );
    assert!(
        !report.contains("0800") && !report.contains("evil"),
        "{report}"
    );
}

/// C11.
#[tokio::test]
async fn wrong_state() {
    assert_snapshot!(probe_fault(Fault::WrongState).await.report(), @"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
      ok TIME  registration       client-1, none at the token endpoint
      ok TIME  authorization      through 1 page
      FAIL TIME  state returned
             seen      a different state than was sent
             expected  the state of the request, byte for byte
             clause    RFC 6749 §4.1.2 and §10.12
             fix       send state back unchanged, for any length and any characters
      skip             issuer returned … refresh (13): the walk ended before it

    failed: state returned, in TIME
    claude.ai: shows “Authorization with the MCP server failed. You can check your credentials and permissions”
    next: mcpo probe http://127.0.0.1:…/mcp
    ");
}

#[tokio::test]
async fn resource_mismatch() {
    assert_snapshot!(probe_fault(Fault::ResourceMismatch).await.report(), @"
    exit 1
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      FAIL TIME  resource name
             seen      resource is https://other.example/mcp
             expected  http://127.0.0.1:…/mcp, byte for byte as the user types it
             clause    RFC 9728 §3.3; RFC 8707 §2
             fix       set resource in the metadata (often: the public base URL) to http://127.0.0.1:…/mcp
      skip             issuer metadata … refresh (19): the walk ended before it

    failed: resource name, in TIME
    claude.ai: shows “Couldn't reach” the server or “Authorization with the MCP server failed”; no sign-in page opens
    next: mcpo probe http://127.0.0.1:…/mcp
    ");
}

#[tokio::test]
async fn connection_refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    assert_snapshot!(probe(&[&url]).await.report(), @"
    exit 2
    probing http://127.0.0.1:…/mcp as claude.ai
      ok TIME  address            on this machine
      ???? TIME  challenge          http://127.0.0.1:…/mcp: connection refused: nothing listens there
             fix       start the server, or check host and port
      skip             resource metadata … refresh (21): the walk ended before it

    could not run: stopped at challenge, after TIME
    claude.ai: shows “Couldn't reach” the server: check the URL, verify that the server is running
    next: mcpo dev
    ");
}

/// C12: the walk authorizes only a few times.
#[tokio::test]
async fn endless_step_up() {
    let report = probe_fault(Fault::EndlessStepUp).await.report();
    assert!(report.starts_with("exit 1"), "{report}");
    assert_eq!(
        report.matches("  token  ").count() + report.matches("  token (").count(),
        3,
        "{report}"
    );
}

/// Returns the arguments that some faults need to be visible.
fn only_shows_with(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::NoCors | Fault::CorsHidesChallenge => &["--as", "inspector"],
        _ => &[],
    }
}

/// Returns `fail token` and the like, for everything that did not pass.
fn wrong(report: &serde_json::Value) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let checks = report["checks"].as_array().expect("checks").iter();
    checks
        .map(|check| (text(&check["verdict"]), text(&check["id"])))
        .filter(|(verdict, _)| !["pass", "skipped"].contains(&verdict.as_str()))
        .map(|(verdict, id)| format!("{verdict} {id}"))
        .collect()
}

/// Checks that every check has a server that fails it.
async fn assert_none_is_missing(caught: &std::collections::BTreeSet<String>) {
    let healthy = mcpo_test_support::oauth_server::OAuthServer::healthy().await;
    let run = probe(&[&healthy.url(), "--json", "--as", "inspector"]).await;
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    for check in report["checks"].as_array().expect("checks") {
        let id = check["id"].as_str().expect("an id");
        assert!(caught.contains(id), "no server fails {id}");
    }
}

/// Finds every other fault, by the verdict and the id of the check.
#[tokio::test]
async fn each_fault_fails_at_its_own_step() {
    let mut found = Vec::new();
    let mut caught = std::collections::BTreeSet::from([
        // The faults of this check are in `machine`: with them, no walk is possible.
        "address".to_owned(),
    ]);
    for fault in Fault::ALL {
        if matches!(fault, Fault::SlowDrip | Fault::EndlessBody) {
            continue;
        }
        let server = mcpo_test_support::oauth_server::OAuthServer::with(*fault).await;
        let url = server.url();
        let common = [url.as_str(), "--json", "--password", "x"];
        let run = probe(&[&common, only_shows_with(*fault)].concat()).await;
        let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let ids = wrong(&report);
        caught.extend(
            ids.iter()
                .filter_map(|id| Some(id.split_once(' ')?.1.to_owned())),
        );
        found.push(format!(
            "{fault:?}: {} -> exit {}",
            ids.join(", "),
            run.code.unwrap()
        ));
    }
    assert_none_is_missing(&caught).await;
    assert_snapshot!(found.join("\n"), @"
    NoChallenge: fail challenge -> exit 1
    ChallengeWithoutMetadata: warn challenge -> exit 0
    ChallengeWithBadUrl: fail resource-metadata -> exit 1
    McpError500: fail challenge -> exit 1
    McpRedirect: fail challenge -> exit 1
    NoResourceMetadata: fail resource-metadata -> exit 1
    ResourceMetadataIsHtml: fail resource-metadata -> exit 1
    ResourceMetadataLoops: fail resource-metadata -> exit 1
    NoAuthorizationServers: fail resource-metadata -> exit 1
    ResourceMismatch: fail resource-identity -> exit 1
    ResourceIsOrigin: fail resource-identity -> exit 1
    NoServerMetadata: fail server-metadata -> exit 1
    ServerMetadata500: fail server-metadata -> exit 1
    WrongIssuer: fail issuer-identity -> exit 1
    IssuerWithSlash: fail issuer-identity -> exit 1
    NoPkce: fail pkce-support -> exit 1
    PlainPkce: fail pkce-support -> exit 1
    InsecureEndpoint: fail server-metadata -> exit 1
    NoTokenEndpoint: fail server-metadata -> exit 1
    NoRegistration: fail registration -> exit 1
    RegistrationRefused: fail registration -> exit 1
    RegistrationWithoutId: fail registration -> exit 1
    AuthorizeError500: fail authorization -> exit 1
    PagesLoop: fail authorization -> exit 1
    PageWithoutForm: could-not-run authorization -> exit 2
    AccessDenied: fail authorization -> exit 1
    NoCode: fail authorization -> exit 1
    WrongState: fail state -> exit 1
    NoState: fail state -> exit 1
    WrongIss: fail callback-issuer -> exit 1
    IssWithSlash: fail callback-issuer -> exit 1
    NoIss: fail callback-issuer -> exit 1
    ErrorFromWrongIss: fail callback-issuer -> exit 1
    TokenError500: fail token -> exit 1
    TokenInvalidClient: fail token -> exit 1
    NoAccessToken: fail token -> exit 1
    WrongTokenType: fail token -> exit 1
    TokenCached: warn token-caching -> exit 0
    TokenNotAccepted: fail discover -> exit 1
    EndlessStepUp: fail discover -> exit 1
    RefreshRefused: fail refresh -> exit 1
    RefreshedTokenNotAccepted: fail refresh -> exit 1
    UnknownVersion: warn initialize -> exit 0
    NoInstructions: warn server-card -> exit 0
    NoTitle: warn server-card -> exit 0
    IconOverHttp: warn server-card -> exit 0
    ToolsListError: fail tools-list -> exit 1
    ToolsNotAList: fail tools-list -> exit 1
    ToolWithoutSchema: fail tools-list -> exit 1
    ToolTwice: fail tools-list -> exit 1
    EndlessTools: fail tools-list -> exit 1
    NoTools: warn tools-list -> exit 0
    ToolError: fail tools-call -> exit 1
    ToolRpcError: fail tools-call -> exit 1
    ToolWithoutContent: fail tools-call -> exit 1
    HostileStrings: fail registration -> exit 1
    OlderClientsFindLess: fail both-forms -> exit 1
    WrongContentType: fail initialize -> exit 1
    HeaderBomb: fail discover -> exit 1
    PasswordInUrl: fail authorization -> exit 1
    BrokenEvents: fail initialize -> exit 1
    NoCors: fail browser-access -> exit 1
    CorsHidesChallenge: fail browser-access -> exit 1
    RefusesFuture: warn versions -> exit 0
    SpeaksTheFuture: warn versions -> exit 0
    ResourceWithoutScheme: fail resources -> exit 1
    ResourceUnreadable: fail resources -> exit 1
    ResourceWithoutText: fail resources -> exit 1
    ResourcesListError: fail resources -> exit 1
    PromptWithoutName: fail prompts -> exit 1
    PromptWithoutMessages: fail prompts -> exit 1
    WantsIdTwice: warn token -> exit 0
    ");
}

#[tokio::test]
async fn without_tools_nobody_is_said_to_call_them() {
    let report = probe_fault(Fault::NoTools).await.report();
    let shown = "claude.ai: shows a connector that is connected but has no tools";
    assert!(report.contains(shown), "{report}");
    assert!(!report.contains("can call tools"), "{report}");
}

#[tokio::test]
async fn https_where_there_is_none() {
    let server = mcpo_test_support::oauth_server::OAuthServer::healthy().await;
    let report = probe(&[&server.url().replace("http:", "https:")])
        .await
        .report();
    assert!(report.starts_with("exit 1"), "{report}");
    assert!(report.contains("no TLS connection"), "{report}");
}
