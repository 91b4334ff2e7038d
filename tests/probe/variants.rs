//! Variants of servers without faults: protocol forms, client identification, and old servers.

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{OAuthServer, Settings};

use crate::support::{probe_settings, probe_with, settings_verdicts};

#[tokio::test]
async fn server_without_authentication_skips_the_oauth_checks() {
    let settings = Settings {
        requires_token: false,
        ..Settings::default()
    };
    assert_snapshot!(settings_verdicts(settings).await, @"
    exit 0
    skipped resource-metadata resource-identity server-metadata issuer-identity pkce-support registration authorization state callback-issuer token token-caching refresh invalid-token invalid-refresh
      because: the server does not ask for a token
    outcome: connects and can call tools
    ");
}

#[tokio::test]
async fn challenge_after_an_open_initialize_is_found() {
    for stateless in [true, false] {
        let settings = Settings {
            open_initialize: true,
            stateless,
            ..Settings::default()
        };
        let run = probe_settings(settings, &[]).await;
        assert_eq!(run.code, Some(0), "{}", run.stdout);
        assert!(
            run.stdout.contains("initialize is open; tools/list: 401"),
            "{}",
            run.stdout
        );
    }
}

#[tokio::test]
async fn each_protocol_form_passes_with_json_and_with_events() {
    for (stateless, sessions, word) in [
        (true, true, "ok "),
        (false, true, "skip"),
        (true, false, "warn"),
    ] {
        for events in [false, true] {
            let run = probe_settings(
                Settings {
                    events,
                    stateless,
                    sessions,
                    ..Settings::default()
                },
                &[],
            )
            .await;
            assert_eq!(run.code, Some(0), "{}", run.stdout);
            assert!(
                run.stdout.contains("whoami: you are local"),
                "{}",
                run.stdout
            );
            assert!(run.stdout.contains(word), "{}", run.stdout);
        }
    }
}

/// C6 and AS1: the method that the server offers is registered and used.
#[tokio::test]
async fn every_token_endpoint_auth_method_is_used_as_offered() {
    for method in ["none", "client_secret_basic", "client_secret_post"] {
        let run = probe_settings(
            Settings {
                methods: vec![method],
                ..Settings::default()
            },
            &[],
        )
        .await;
        assert_eq!(run.code, Some(0), "{}", run.stdout);
        assert!(
            run.stdout
                .contains(&format!("{method} at the token endpoint")),
            "{}",
            run.stdout
        );
    }
}

/// C5: registered by hand, by document, by dynamic registration.
#[tokio::test]
async fn every_client_identification_method_is_supported() {
    let settings = Settings {
        clients: vec![("by-hand", "s:%ü")],
        methods: vec!["client_secret_basic"],
        ..Settings::default()
    };
    let server = OAuthServer::start(settings).await;
    let run = probe_with(
        &[&server.url(), "--client-id", "by-hand"],
        &[("MCPO_PROBE_CLIENT_SECRET", "s:%ü")],
    )
    .await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(!server.requests().contains(&"POST /register".to_owned()));

    let document = [
        "--client-metadata-url",
        "https://client.example/metadata.json",
    ];
    let run = probe_settings(
        Settings {
            documents_only: true,
            ..Settings::default()
        },
        &document,
    )
    .await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(
        run.stdout.contains("known by the document"),
        "{}",
        run.stdout
    );
    let run = probe_settings(Settings::default(), &document).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stdout.contains("client-1, none"), "{}", run.stdout);
}

/// C12: the union of the current and the requested scopes.
#[tokio::test]
async fn step_up_requests_the_additional_scope() {
    let settings = Settings {
        step_up: true,
        ..Settings::default()
    };
    assert_snapshot!(settings_verdicts(settings).await, @"
    exit 0
    outcome: connects and can call tools
    ");
}

/// Servers of 2025-03-26 publish less; claude.ai still accepts them.
#[tokio::test]
async fn an_old_server_passes_with_warnings() {
    for without_metadata in [false, true] {
        let settings = Settings {
            old: Some(without_metadata),
            ..Settings::default()
        };
        let run = probe_settings(settings, &[]).await;
        assert_eq!(run.code, Some(0), "{}", run.stdout);
        assert!(
            run.stdout.contains("treated as a server of 2025-03-26"),
            "{}",
            run.stdout
        );
    }
}
