//! Servers without faults: no false alarms, and no unnecessary requests.

use std::sync::Arc;

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{OAuthServer, Settings};

use crate::support::{probe, probe_briefly, probe_settings, probe_with, settings_verdicts};

#[tokio::test]
async fn a_healthy_server_passes() {
    let server = OAuthServer::healthy().await;
    let run = probe_briefly(&[&server.url()], &[]).await;
    assert_snapshot!(run.report(), @"
    exit 0
    passed: 25 checks, in TIME
    claude.ai: connects and can call tools
    probed http://127.0.0.1:…/mcp as claude.ai

    finding the sign-in: 7 ok, TIME
    signing in:          6 ok, TIME
    using the server:    9 ok, TIME
    staying connected:   3 ok, TIME

    tools: 2 tools, about 82 tokens

    next: claude mcp add --transport http test-server http://127.0.0.1:…/mcp
    ");
    assert_eq!(run.stderr, "");
}

#[tokio::test]
async fn verbose_report_has_every_check() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url()]).await;
    assert_snapshot!(run.report(), @"
    exit 0
    passed: 25 checks, in TIME
    claude.ai: connects and can call tools
    probed http://127.0.0.1:…/mcp as claude.ai

    finding the sign-in: 7 ok, TIME
      ok TIME  address            on this machine
      ok TIME  challenge          401 with resource_metadata, scope tools:read
      ok TIME  resource metadata  http://127.0.0.1:…/.well-known/oauth-protected-resource/mcp names http://127.0.0.1:…
      ok TIME  resource name      http://127.0.0.1:…/mcp
      ok TIME  issuer metadata    http://127.0.0.1:…/.well-known/oauth-authorization-server
      ok TIME  issuer name        http://127.0.0.1:…
      ok TIME  PKCE offered       S256
    signing in:          6 ok, TIME
      ok TIME  registration       client-1, none at the token endpoint
      ok TIME  authorization      through 1 page
      ok TIME  state returned     the one that was sent
      ok TIME  issuer returned    http://127.0.0.1:…
      ok TIME  token              Bearer, 3600 s, with refresh token
      ok TIME  token not cached   Cache-Control: no-store
    using the server:    9 ok, TIME
      ok TIME  server/discover    2026-07-28
      ok TIME  initialize         test-server 1.2.3, 2025-11-25, with a session
      ok TIME  server card        Test server 1.2.3, 1 icon; instructions: Add numbers.
      ok TIME  versions           2025-03-26 → 2025-11-25, 2099-12-31 → 2025-11-25, stateless 2099-12-31 refused with the supported versions
      ok TIME  tools/list         2 tools: add, whoami
      ok TIME  tools/call         whoami: you are local
      ok TIME  resources          2 resources; test://motto can be read
      ok TIME  prompts            2 prompts; review can be fetched
      ok TIME  older clients      find the same tools
    staying connected:   3 ok, TIME
      ok TIME  refresh            Bearer, 3600 s, with refresh token
      ok TIME  invalid token      401 with a challenge
      ok TIME  invalid refresh    400 invalid_grant

    tools: 2 tools, about 82 tokens

    next: claude mcp add --transport http test-server http://127.0.0.1:…/mcp
    ");
    assert_eq!(run.stderr, "");
}

/// C1 and C2: the documents are requested in order, once each, and nothing else is.
#[tokio::test]
async fn probe_sends_only_the_required_requests() {
    let server = OAuthServer::healthy().await;
    probe(&[&server.url()]).await;
    assert_snapshot!(server.requests().join("\n"), @"
    POST /mcp
    GET /.well-known/oauth-protected-resource/mcp
    GET /.well-known/oauth-authorization-server
    POST /register
    GET /authorize
    POST /consent
    POST /token
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    DELETE /mcp
    POST /mcp
    DELETE /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /mcp
    POST /token
    POST /mcp
    POST /mcp
    POST /token
    DELETE /mcp
    ");
}

#[tokio::test]
async fn a_password_form_is_filled_from_the_environment() {
    let server = OAuthServer::start(Settings {
        password: Some("open sesame".into()),
        ..Settings::default()
    })
    .await;
    let run = probe_with(&[&server.url()], &[("MCPO_PROBE_PASSWORD", "open sesame")]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stdout.contains("through 2 pages"), "{}", run.stdout);
    assert!(!run.stdout.contains("sesame"));
}

#[tokio::test]
async fn missing_password_is_reported_as_could_not_run() {
    let settings = Settings {
        password: Some("x".into()),
        ..Settings::default()
    };
    assert_snapshot!(settings_verdicts(settings).await, @"
    exit 2
    could-not-run authorization
      because: the sign-in page asks for a password, but none was given
      hint: set MCPO_PROBE_PASSWORD, or sign in yourself with --browser
    skipped the rest
    outcome: no problem before authorization; the later steps are unknown
    ");
}

#[tokio::test]
async fn wrong_password_is_reported_as_could_not_run() {
    let settings = Settings {
        password: Some("x".into()),
        ..Settings::default()
    };
    let run = probe_settings(settings, &["--password", "y"]).await;
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(
        run.stdout.contains("rejected the password"),
        "{}",
        run.stdout
    );
}

#[tokio::test]
async fn tool_and_arguments_can_be_specified() {
    let run = probe_settings(
        Settings::default(),
        &["--tool", "add", "--args", r#"{"a": 20, "b": 22}"#],
    )
    .await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(
        run.stdout.contains(r#"add {"a":20,"b":22}: 42"#),
        "{}",
        run.stdout
    );
}

#[tokio::test]
async fn unknown_tool_is_reported_as_could_not_run() {
    let run = probe_settings(Settings::default(), &["--tool", "sub"]).await;
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(
        run.stdout.contains("the server has no tool named sub"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("the tools of the server: add, whoami"),
        "{}",
        run.stdout
    );
}

#[tokio::test]
async fn default_probe_of_a_healthy_server_takes_less_than_1500_ms() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url(), "--json"]).await;
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    // The target is 150 ms on a quiet machine; this one may be busy with a build.
    assert!(
        report["elapsed_ms"].as_f64().expect("a number") < 1_500.0,
        "{}",
        report["elapsed_ms"]
    );
}

/// Every client, with every variant of a server without faults, repeatedly.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_probes_of_healthy_servers_report_no_problems() {
    const CLIENTS: [&str; 5] = ["claude", "claude-code", "chatgpt", "vscode", "cursor"];
    let kinds = [
        Settings::default(),
        Settings {
            events: true,
            ..Settings::default()
        },
        Settings {
            documents: true,
            password: Some("x".into()),
            ..Settings::default()
        },
        Settings {
            stateless: false,
            open_initialize: true,
            ..Settings::default()
        },
        Settings {
            methods: vec!["client_secret_basic"],
            step_up: true,
            ..Settings::default()
        },
    ];
    let mut servers = Vec::new();
    for kind in kinds {
        servers.push(Arc::new(OAuthServer::start(kind).await));
    }
    let mut probes = 0;
    for round in 0..8 {
        for server in &servers {
            let runs: Vec<_> = CLIENTS
                .iter()
                .map(|client| {
                    let server = Arc::clone(server);
                    tokio::spawn(async move {
                        probe(&[&server.url(), "--as", client, "--password", "x", "--json"]).await
                    })
                })
                .collect();
            for run in runs {
                let run = run.await.expect("a run");
                let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
                let checks = report["checks"].as_array().expect("checks").iter();
                let problems: Vec<_> = checks
                    .filter(|check| check["verdict"] != "pass" && check["verdict"] != "skipped")
                    .collect();
                assert!(problems.is_empty(), "round {round}: {problems:?}");
                assert_eq!(run.code, Some(0));
                probes += 1;
            }
        }
    }
    assert_eq!(probes, 200);
}
