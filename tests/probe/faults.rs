//! Servers with one fault each: the report names the step.

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{Fault, OAuthServer};

use crate::support::{fault_verdicts, probe, verdicts};

#[tokio::test]
async fn missing_challenge_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::NoChallenge).await, @r#"
    exit 1
    fail challenge
      seen: 401 without a bearer challenge in WWW-Authenticate
      expected: WWW-Authenticate: Bearer resource_metadata="…"
      hint: add the header to every 401 of the MCP endpoint; without it claude.ai does not find the sign-in. If the server wants a fixed token, pass it with --header
    outcome: shows before_sign_in
    "#);
}

/// C3.
#[tokio::test]
async fn wrong_issuer_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::WrongIssuer).await, @"
    exit 1
    fail issuer-identity
      seen: issuer is https://evil.example
      expected: http://127.0.0.1:…
      hint: spell the issuer identically in authorization_servers and in the issuer's own metadata
    skipped the rest
    outcome: shows before_sign_in
    ");
}

/// C4.
#[tokio::test]
async fn missing_pkce_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::NoPkce).await, @r#"
    exit 1
    fail pkce-support
      seen: no code_challenge_methods_supported
      expected: S256 among code_challenge_methods_supported
      hint: verify PKCE, and announce it: "code_challenge_methods_supported": ["S256"]; clients refuse to continue without it
    skipped the rest
    outcome: shows before_sign_in
    "#);
}

#[tokio::test]
async fn token_endpoint_error_500_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::TokenError500).await, @"
    exit 1
    fail token
      seen: HTTP 500, database is locked
      expected: 200 with access_token and token_type Bearer
      hint: fix the token endpoint; the server's log shows the cause
    skipped the rest
    outcome: shows token
    ");
}

#[tokio::test]
async fn tool_error_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::ToolError).await, @"
    exit 1
    fail tools-call
      seen: whoami: no API key is set
      expected: a result without isError
      hint: fix the tool: the text is its own error message
    outcome: shows call
    ");
}

/// C6: the refusal is shown.
#[tokio::test]
async fn refused_registration_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::RegistrationRefused).await, @r#"
    exit 1
    fail registration
      seen: HTTP 400, {"error":"invalid_redirect_uri","error_description":"only https redirect URIs"}
      expected: 201 with a client_id
      hint: accept a web client with the redirect URI https://claude.ai/api/mcp/auth_callback
    skipped the rest
    outcome: shows registration
    "#);
}

/// C10.
#[tokio::test]
async fn wrong_iss_in_the_callback_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::WrongIss).await, @"
    exit 1
    fail callback-issuer
      seen: a different issuer in iss
      expected: iss=http://127.0.0.1:…
      hint: set iss to the issuer of the metadata, spelled identically
    skipped the rest
    outcome: shows token
    ");
}

/// C10: an error from another issuer is not shown.
#[tokio::test]
async fn error_from_another_issuer_is_not_shown() {
    let report = fault_verdicts(Fault::ErrorFromWrongIss).await;
    assert!(
        report.starts_with("exit 1") && report.contains("fail callback-issuer"),
        "{report}"
    );
    assert!(
        !report.contains("0800") && !report.contains("evil"),
        "{report}"
    );
}

/// C11.
#[tokio::test]
async fn wrong_state_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::WrongState).await, @"
    exit 1
    fail state
      seen: a different state than was sent
      expected: the state of the request, byte for byte
      hint: send state back unchanged, for any length and any characters
    skipped the rest
    outcome: shows token
    ");
}

#[tokio::test]
async fn resource_mismatch_is_reported() {
    assert_snapshot!(fault_verdicts(Fault::ResourceMismatch).await, @"
    exit 1
    fail resource-identity
      seen: resource is https://other.example/mcp
      expected: http://127.0.0.1:…/mcp, byte for byte as the user types it
      hint: set resource in the metadata (often: the public base URL) to http://127.0.0.1:…/mcp
    skipped the rest
    outcome: shows before_sign_in
    ");
}

#[tokio::test]
async fn refused_connection_is_reported_as_could_not_run() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    assert_snapshot!(verdicts(&[&url]).await, @"
    exit 2
    could-not-run challenge
      because: http://127.0.0.1:…/mcp: connection refused: nothing listens there
      hint: start the server, or check host and port
    skipped the rest
    outcome: shows unreachable
    ");
}

/// C12: the probe authorizes only a few times.
#[tokio::test]
async fn endless_step_up_is_limited_to_three_authorizations() {
    let server = OAuthServer::with(Fault::EndlessStepUp).await;
    let run = probe(&[&server.url(), "--json"]).await;
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("a report");
    let checks = report["checks"].as_array().expect("checks").iter();
    let tokens = checks.filter(|check| check["id"] == "token" && check["verdict"] == "pass");
    assert_eq!(tokens.count(), 3, "{}", run.stdout);
}

/// Returns the arguments that some faults need to be visible.
fn required_arguments(fault: Fault) -> &'static [&'static str] {
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
async fn assert_every_check_can_fail(failed_checks: &std::collections::BTreeSet<String>) {
    let healthy = OAuthServer::healthy().await;
    let run = probe(&[&healthy.url(), "--json", "--as", "inspector"]).await;
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    for check in report["checks"].as_array().expect("checks") {
        let id = check["id"].as_str().expect("an id");
        assert!(failed_checks.contains(id), "no server fails {id}");
    }
}

/// Finds every other fault, by the verdict and the id of the check.
#[expect(clippy::too_many_lines, reason = "a table with a line for each fault")]
#[tokio::test]
async fn each_fault_fails_the_expected_check() {
    let mut found = Vec::new();
    let mut failed_checks = std::collections::BTreeSet::from([
        // The faults of this check are in `command_line`: with them, no probe is possible.
        "address".to_owned(),
    ]);
    for fault in Fault::ALL {
        if matches!(fault, Fault::SlowBody | Fault::EndlessBody) {
            continue;
        }
        let server = OAuthServer::with(*fault).await;
        let url = server.url();
        let common = [url.as_str(), "--json", "--password", "x"];
        let run = probe(&[&common, required_arguments(*fault)].concat()).await;
        let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let ids = wrong(&report);
        failed_checks.extend(
            ids.iter()
                .filter_map(|id| Some(id.split_once(' ')?.1.to_owned())),
        );
        found.push(format!(
            "{fault:?}: {} -> exit {}",
            ids.join(", "),
            run.code.unwrap()
        ));
    }
    assert_every_check_can_fail(&failed_checks).await;
    assert_snapshot!(found.join("\n"), @"
    NoChallenge: fail challenge -> exit 1
    ChallengeWithoutMetadata: warn challenge -> exit 0
    ChallengeWithBadUrl: fail resource-metadata -> exit 1
    ChallengeTwice: warn challenge -> exit 0
    ChallengeUnquoted: warn challenge -> exit 0
    TwoChallenges: warn challenge -> exit 0
    ChallengeOnGetOnly: fail challenge -> exit 1
    OpenWithMetadata: warn challenge -> exit 0
    InvalidToken500: fail invalid-token -> exit 1
    InvalidTokenWithoutChallenge: warn invalid-token -> exit 0
    InvalidRefreshIsInvalidRequest: fail invalid-refresh -> exit 1
    InvalidRefresh500: fail invalid-refresh -> exit 1
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
    FormActionSelf: fail authorization -> exit 1
    FormActionInMeta: fail authorization -> exit 1
    StrictCookie: warn authorization -> exit 0
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
    BotCheckOnEndpoint: fail challenge -> exit 1
    BotCheckOnMetadata: fail server-metadata -> exit 1
    BotCheckOnPage: could-not-run authorization -> exit 2
    BotCheckOnToken: fail token -> exit 1
    CloudRunForbids: fail challenge -> exit 1
    UnknownGatewayPage: fail registration -> exit 1
    RegistrationNeedsToken: fail registration -> exit 1
    RegistrationForbidden: fail registration -> exit 1
    RegistrationLimited: could-not-run registration -> exit 2
    RegistrationError500: fail registration -> exit 1
    AuthorizeUnknownRedirectUri: fail authorization -> exit 1
    AuthorizeUnknownClient: fail authorization -> exit 1
    AuthorizeUnknownResource: fail authorization -> exit 1
    ScopeRefused: fail authorization -> exit 1
    ErrorPageWithCode: fail authorization -> exit 1
    ResourceOnOtherPort: fail resource-identity -> exit 1
    RefusesUserAgent: fail initialize -> exit 1
    ResourceMetadataWithNull: warn resource-metadata -> exit 0
    AuthorizationServersIsText: fail resource-metadata -> exit 1
    ServerMetadataWithoutResponseTypes: warn server-metadata -> exit 0
    ServerMetadataWithNull: warn server-metadata -> exit 0
    PkceIsText: fail server-metadata -> exit 1
    RegistrationWithNulls: warn registration -> exit 0
    RegistrationWithoutUris: warn registration -> exit 0
    TokensWithNulls: warn token, warn refresh -> exit 0
    ExpiresInIsText: warn token, warn refresh -> exit 0
    ScopesWithCommas: warn token, warn refresh -> exit 0
    TokenErrorAsSuccess: fail token -> exit 1
    TokensNested: fail token -> exit 1
    RefreshedWithNull: warn refresh -> exit 0
    ");
}

#[tokio::test]
async fn report_for_a_server_without_tools_does_not_mention_calls() {
    let report = fault_verdicts(Fault::NoTools).await;
    assert!(report.ends_with("outcome: shows tools"), "{report}");
}

#[tokio::test]
async fn https_address_of_an_http_server_fails() {
    let server = OAuthServer::healthy().await;
    let report = verdicts(&[&server.url().replace("http:", "https:")]).await;
    assert!(report.starts_with("exit 1"), "{report}");
    assert!(report.contains("no TLS connection"), "{report}");
}
