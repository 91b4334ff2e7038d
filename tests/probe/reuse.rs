//! The credentials that one probe leaves for the next.

use std::path::Path;

use mcpo_test_support::oauth_server::{OAuthServer, Settings, Vulnerability};

use crate::support::{Run, probe_with};

async fn probe_with_reuse(server: &OAuthServer, state: &Path, more: &[&str]) -> Run {
    let url = server.url();
    let state = [("XDG_STATE_HOME", state.to_str().unwrap())];
    probe_with(&[&[url.as_str(), "--reuse"], more].concat(), &state).await
}

fn registrations(server: &OAuthServer) -> usize {
    let requests = server.requests();
    requests
        .iter()
        .filter(|line| *line == "POST /register")
        .count()
}

/// C7.
#[tokio::test]
async fn stored_credentials_are_used_instead_of_a_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = OAuthServer::healthy().await;
    let first = probe_with_reuse(&server, folder.path(), &[]).await;
    assert_eq!(first.code, Some(0), "{}", first.stdout);
    let second = probe_with_reuse(&server, folder.path(), &[]).await;
    assert_eq!(second.code, Some(0), "{}", second.stdout);
    for part in [
        "token kept",
        "refresh kept",
        "signed in with the kept credentials",
    ] {
        assert!(second.stdout.contains(part), "{part}: {}", second.stdout);
    }
    assert_eq!(registrations(&server), 1);
    // Another server's credentials are never sent to this one.
    let other = OAuthServer::healthy().await;
    let third = probe_with_reuse(&other, folder.path(), &[]).await;
    assert!(!third.stdout.contains("kept"), "{}", third.stdout);
    assert_eq!(registrations(&other), 1);
    // Nor are those of another client used.
    let fourth = probe_with_reuse(&server, folder.path(), &["--as", "cursor"]).await;
    assert!(!fourth.stdout.contains("kept"), "{}", fourth.stdout);
}

#[cfg(unix)]
#[tokio::test]
async fn credentials_file_is_private_and_ignored_if_others_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let server = OAuthServer::healthy().await;
    probe_with_reuse(&server, folder.path(), &[]).await;
    let stored = folder.path().join("mcpo/probe");
    assert_eq!(
        stored.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    let files: Vec<_> = std::fs::read_dir(&stored)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    let permissions = files[0].metadata().unwrap().permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);
    // A file that other users may have written is not used.
    std::fs::set_permissions(&files[0], std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = probe_with_reuse(&server, folder.path(), &[]).await;
    assert!(
        run.stderr.contains("other users can read it"),
        "{}",
        run.stderr
    );
    assert_eq!(registrations(&server), 2);
    // Nor is a damaged file, and its text is not repeated.
    std::fs::write(&files[0], "{\"access\": \"hush-hush\"}").unwrap();
    let run = probe_with_reuse(&server, folder.path(), &[]).await;
    assert!(run.stderr.contains("is not used"), "{}", run.stderr);
    assert!(!run.stderr.contains("hush"), "{}", run.stderr);
}

#[tokio::test]
async fn credentials_are_not_stored_without_reuse() {
    let folder = tempfile::tempdir().unwrap();
    let server = OAuthServer::healthy().await;
    let state = [("XDG_STATE_HOME", folder.path().to_str().unwrap())];
    let run = probe_with(&[&server.url()], &state).await;
    assert_eq!(run.code, Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A server that forgets what clients keep forever: they show "Connected", but no tools.
#[tokio::test]
async fn rejected_stored_credentials_are_reported_and_replaced() {
    for (vulnerability, verdict) in [
        (Vulnerability::ForgetsRefresh, "FAIL"),
        (Vulnerability::ForgetsClients, "FAIL"),
        (Vulnerability::ForgetsAccess, "warn"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = OAuthServer::start(Settings {
            vulnerability: Some(vulnerability),
            ..Settings::default()
        })
        .await;
        probe_with_reuse(&server, folder.path(), &[]).await;
        server.restart().await;
        let run = probe_with_reuse(&server, folder.path(), &[]).await;
        assert!(
            run.stdout.contains(verdict),
            "{vulnerability:?}: {}",
            run.stdout
        );
        assert!(
            run.stdout.contains("tools/call"),
            "{vulnerability:?}: {}",
            run.stdout
        );
        let again = usize::from(vulnerability == Vulnerability::ForgetsClients);
        assert_eq!(registrations(&server), 1 + again, "{vulnerability:?}");
    }
}
