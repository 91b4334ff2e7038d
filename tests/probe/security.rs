//! `--security`: a server that resists every attempt, and servers with one hole each.

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{Hole, OAuthServer, Settings};
use serde_json::Value;

use crate::support::{Run, probe};

/// Attacks a server with a password, documents, and a page for each.
async fn attack(hole: Option<Hole>) -> Run {
    let server = OAuthServer::start(Settings {
        hole,
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
async fn a_server_that_holds_passes_every_attempt() {
    let run = attack(None).await;
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
async fn a_server_that_refuses_public_clients_as_it_says_passes_too() {
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

/// The sign-in of an attempt may end the walk's grant; that is not a hole.
#[tokio::test]
async fn a_server_that_keeps_one_grant_a_client_passes_too() {
    let server = OAuthServer::start(Settings {
        one_grant: true,
        ..Settings::default()
    })
    .await;
    let run = probe(&[&server.url(), "--security", "--json"]).await;
    let wrong = with_verdict(&report(&run), &["fail", "warn", "could-not-run"]);
    assert_eq!(wrong, [""; 0], "{}", run.stderr);
}

/// Returns the attempts that find each of these holes.
async fn found_at(holes: &[Hole]) -> String {
    let mut found = Vec::new();
    for some in holes.chunks(4) {
        let runs: Vec<_> = some
            .iter()
            .map(|hole| tokio::spawn(attack(Some(*hole))))
            .collect();
        for (hole, run) in some.iter().zip(runs) {
            let report = report(&run.await.expect("a run"));
            let ids = with_verdict(&report, &["fail", "warn", "could-not-run"]);
            found.push(format!("{hole:?}: {}", ids.join(", ")));
        }
    }
    found.join("\n")
}

/// Returns the holes in grants, and the holes in everything else.
fn halves() -> (&'static [Hole], &'static [Hole]) {
    let first_of_the_rest = Hole::ALL.iter().position(|hole| *hole == Hole::AnyOrigin);
    Hole::ALL.split_at(first_of_the_rest.expect("a hole"))
}

/// Each hole is found by its own attempt and by no other.
#[tokio::test(flavor = "multi_thread")]
async fn each_hole_in_grants_is_found_where_it_is() {
    assert_snapshot!(found_at(halves().0).await, @"
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
    RedirectOfStranger: fail unknown-client
    RegisterScript: fail register-script
    RegisterPlainHttp: fail register-plain-http
    RegisterFragment: fail register-fragment
    TamperedToken: fail invalid-token, fail token-tampered
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

/// Each hole is found by its own attempt and by no other.
#[tokio::test(flavor = "multi_thread")]
async fn each_hole_in_names_pages_and_bodies_is_found_where_it_is() {
    assert_snapshot!(found_at(halves().1).await, @"
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
    Innards: fail body-nonsense
    DeepJson: fail body-deep
    HalfMessage: fail body-half
    FetchesDocuments: fail ssrf-document
    FetchesDocumentsByName: fail ssrf-document-by-name
    FetchesLogos: fail ssrf-registration
    NoLockout: fail lockout
    ");
}

#[tokio::test]
async fn servers_elsewhere_are_attacked_only_after_a_yes() {
    let run = probe(&["--security", "https://mcp.example/mcp"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("--yes"), "{}", run.stderr);
}

/// An attempt can wait for the expiry only if the token expires soon.
#[tokio::test]
async fn an_expired_token_is_tried() {
    for (hole, verdict) in [(None, "pass"), (Some(Hole::ExpiredToken), "fail")] {
        let server = OAuthServer::start(Settings {
            hole,
            lifetime: 3,
            ..Settings::default()
        })
        .await;
        let run = probe(&[&server.url(), "--security", "--json"]).await;
        let report = report(&run);
        let mut checks = report["checks"].as_array().expect("checks").iter();
        let check = checks.find(|check| check["id"] == "token-expired");
        assert_eq!(check.expect("the attempt")["verdict"], verdict, "{hole:?}");
    }
}

/// It takes a while to detect that a server reads a body for as long as it trickles.
#[tokio::test]
async fn a_body_that_is_read_for_as_long_as_it_trickles_is_found() {
    let run = attack(Some(Hole::TricklingBody)).await;
    let report = report(&run);
    let wrong = with_verdict(&report, &["fail", "warn", "could-not-run"]);
    assert_eq!(wrong, ["warn body-trickle"]);
    let mut checks = report["checks"].as_array().expect("checks").iter();
    let check = checks.find(|check| check["id"] == "body-trickle");
    let seen = check.expect("the attempt")["seen"].as_str().expect("text");
    assert!(seen.contains("still reading after 20 s"), "{seen}");
}
