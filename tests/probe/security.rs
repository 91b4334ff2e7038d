//! `--security`: a server that resists every attempt, and servers with one vulnerability each.

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{OAuthServer, Settings, Vulnerability};
use serde_json::Value;

use crate::support::{Run, probe};

/// Attacks a server with a password, documents, and a page for each.
async fn run_security_checks(vulnerability: Option<Vulnerability>) -> Run {
    let server = OAuthServer::start(Settings {
        vulnerability,
        password: Some("open sesame".to_owned()),
        documents: true,
        ..Settings::default()
    })
    .await;
    let url = server.url();
    let arguments = ["--security", "--json", "--password", "open sesame"];
    probe(&[&[url.as_str()], &arguments[..]].concat()).await
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).expect("a report")
}

/// Returns `fail pkce-plain` and the like.
fn with_verdict(report: &Value, verdicts: &[&str]) -> Vec<String> {
    let checks = report["checks"].as_array().expect("checks").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    checks
        .map(|check| (text(&check["verdict"]), text(&check["id"])))
        .filter(|(verdict, _)| verdicts.contains(&verdict.as_str()))
        .map(|(verdict, id)| format!("{verdict} {id}"))
        .collect()
}

#[tokio::test]
async fn secure_server_passes_all_security_checks() {
    let run = run_security_checks(None).await;
    let report = report(&run);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        with_verdict(&report, &["fail", "warn", "could-not-run"]),
        [""; 0]
    );
    assert_snapshot!(with_verdict(&report, &["skipped"]).join(" "), @"skipped register-public skipped token-expired");
}

/// A server that accepts only clients with secrets, as its metadata says.
#[tokio::test]
async fn server_that_refuses_public_clients_passes() {
    let server = OAuthServer::start(Settings {
        methods: vec!["client_secret_basic"],
        ..Settings::default()
    })
    .await;
    let run = probe(&[&server.url(), "--security", "--json"]).await;
    let report = report(&run);
    let wrong = with_verdict(&report, &["fail", "warn", "could-not-run"]);
    assert_eq!(wrong, [""; 0], "{}", run.stderr);
    let passed = with_verdict(&report, &["pass"]);
    assert!(
        passed.contains(&"pass register-public".to_owned()),
        "{passed:?}"
    );
}

/// The sign-in of an attempt may end the probe's grant; that is not a vulnerability.
#[tokio::test]
async fn server_with_one_grant_per_client_passes() {
    let server = OAuthServer::start(Settings {
        one_grant: true,
        ..Settings::default()
    })
    .await;
    let run = probe(&[&server.url(), "--security", "--json"]).await;
    let wrong = with_verdict(&report(&run), &["fail", "warn", "could-not-run"]);
    assert_eq!(wrong, [""; 0], "{}", run.stderr);
}

/// Returns the attempts that find each of these vulnerabilities.
async fn failed_checks_for(vulnerabilities: &[Vulnerability]) -> String {
    let mut found = Vec::new();
    for some in vulnerabilities.chunks(4) {
        let runs: Vec<_> = some
            .iter()
            .map(|vulnerability| tokio::spawn(run_security_checks(Some(*vulnerability))))
            .collect();
        for (vulnerability, run) in some.iter().zip(runs) {
            let report = report(&run.await.expect("a run"));
            let ids = with_verdict(&report, &["fail", "warn", "could-not-run"]);
            found.push(format!("{vulnerability:?}: {}", ids.join(", ")));
        }
    }
    found.join("\n")
}

/// Returns the vulnerabilities in grants, and the vulnerabilities in everything else.
fn grant_and_other_vulnerabilities() -> (&'static [Vulnerability], &'static [Vulnerability]) {
    let first_of_the_rest = Vulnerability::ALL
        .iter()
        .position(|vulnerability| *vulnerability == Vulnerability::AnyOrigin);
    Vulnerability::ALL.split_at(first_of_the_rest.expect("a vulnerability"))
}

/// Each vulnerability is found by its own attempt and by no other.
#[tokio::test(flavor = "multi_thread")]
async fn each_grant_vulnerability_fails_only_its_own_check() {
    assert_snapshot!(failed_checks_for(grant_and_other_vulnerabilities().0).await, @"
    CodeWithoutVerifier: fail pkce-no-verifier
    CodeWithWrongVerifier: fail pkce-wrong-verifier
    CodeWithChallenge: fail pkce-challenge-as-verifier
    NoChallengeNeeded: fail pkce-no-challenge
    PlainChallenge: fail pkce-plain
    CodeTwice: fail code-twice
    ReplayRevokesNothing: warn code-replay-revokes
    CodeOfOthers: fail code-other-client
    CodeElsewhere: fail code-other-redirect
    CodeForOthers: fail code-other-resource
    MadeUpCode401: fail code-made-up
    RedirectPath: fail redirect-path
    RedirectQuery: fail redirect-query
    RedirectCase: fail redirect-case
    RedirectPort: fail redirect-port
    RedirectUser: fail redirect-user
    RedirectFragment: fail redirect-fragment
    RedirectHost: fail redirect-host
    RedirectForeign: fail redirect-foreign
    RedirectOfError: fail redirect-of-error
    RedirectOfUnknownClient: fail unknown-client
    RegisterScript: fail register-script
    RegisterPlainHttp: fail register-plain-http
    RegisterFragment: fail register-fragment
    TamperedToken: fail token-tampered
    UnsignedToken: fail token-unsigned
    TokenInQuery: fail token-in-query
    RefreshAsAccess: fail token-refresh-as-access
    CodeAsAccess: fail token-code-as-access
    TokenAfterBasic: fail token-other-scheme
    OpenMethod: fail token-every-method
    OtherAudience: fail token-other-audience
    UnknownClient400: fail token-unknown-client
    RefreshStays: fail refresh-rotates
    RefreshTwice: fail refresh-twice
    RefreshReplayRevokesNothing: fail refresh-replay-revokes
    RefreshOfOthers: fail refresh-other-client
    RefreshForMore: fail refresh-more-scopes
    ");
}

/// Each vulnerability is found by its own attempt and by no other.
#[tokio::test(flavor = "multi_thread")]
async fn each_host_page_and_body_vulnerability_fails_only_its_own_check() {
    assert_snapshot!(failed_checks_for(grant_and_other_vulnerabilities().1).await, @"
    AnyOrigin: fail origin-foreign
    NullOrigin: fail origin-null
    AnyHost: fail host-foreign
    ForwardedChallenge: fail forwarded-challenge
    ForwardedMetadata: fail forwarded-metadata
    HostMetadata: fail host-metadata
    NoConsent: fail page-consent
    Framing: fail page-framing
    CookieFlags: fail page-cookies
    PageCached: warn page-caching
    PageCors: fail page-cors
    ForgedConsent: fail page-forged
    ScriptInState: fail page-script-in-state
    ScriptInScope: fail page-script-in-scope
    ScriptInError: fail page-script-in-error
    ScriptInRedirect: fail page-script-in-redirect
    ScriptInName: fail page-script-in-name
    LargeRegistration: fail body-large-registration
    LargeTokenRequest: fail body-large-token
    ErrorWithoutPage: fail error-without-page
    PublicClients: fail register-public
    InternalDetails: fail body-nonsense
    DeepJson: fail body-deep
    HalfMessage: fail body-half
    FetchesDocuments: fail ssrf-document
    FetchesDocumentsByName: fail ssrf-document-by-name
    FetchesLogos: fail ssrf-registration
    NoLockout: fail lockout
    ");
}

#[tokio::test]
async fn remote_servers_are_tested_only_with_yes() {
    let run = probe(&["--security", "https://mcp.example/mcp"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("--yes"), "{}", run.stderr);
}

/// An attempt can wait for the expiry only if the token expires soon.
#[tokio::test]
async fn expired_token_is_tested_if_it_expires_soon() {
    for (vulnerability, verdict) in [(None, "pass"), (Some(Vulnerability::ExpiredToken), "fail")] {
        let server = OAuthServer::start(Settings {
            vulnerability,
            lifetime: 3,
            ..Settings::default()
        })
        .await;
        let run = probe(&[&server.url(), "--security", "--json"]).await;
        let report = report(&run);
        let mut checks = report["checks"].as_array().expect("checks").iter();
        let check = checks.find(|check| check["id"] == "token-expired");
        assert_eq!(
            check.expect("the attempt")["verdict"],
            verdict,
            "{vulnerability:?}"
        );
    }
}

/// It takes a while to detect that a server reads a body for as long as it trickles.
#[tokio::test]
async fn missing_body_deadline_is_reported() {
    let run = run_security_checks(Some(Vulnerability::TricklingBody)).await;
    let report = report(&run);
    let wrong = with_verdict(&report, &["fail", "warn", "could-not-run"]);
    assert_eq!(wrong, ["warn body-trickle"]);
    let mut checks = report["checks"].as_array().expect("checks").iter();
    let check = checks.find(|check| check["id"] == "body-trickle");
    let seen = check.expect("the attempt")["seen"].as_str().expect("text");
    assert!(seen.contains("still reading after 20 s"), "{seen}");
}
