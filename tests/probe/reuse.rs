//! The credentials that one walk leaves for the next.

use std::path::Path;

use mcpo_test_support::oauth_server::{Hole, OAuthServer, Settings};

use crate::support::{Run, probe_with};

async fn walk(server: &OAuthServer, state: &Path, more: &[&str]) -> Run {
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
async fn what_was_kept_is_used_instead_of_signing_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = OAuthServer::healthy().await;
    let first = walk(&server, folder.path(), &[]).await;
    assert_eq!(first.code, Some(0), "{}", first.stdout);
    let second = walk(&server, folder.path(), &[]).await;
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
    let third = walk(&other, folder.path(), &[]).await;
    assert!(!third.stdout.contains("kept"), "{}", third.stdout);
    assert_eq!(registrations(&other), 1);
    // Nor are those of another client used.
    let fourth = walk(&server, folder.path(), &["--as", "cursor"]).await;
    assert!(!fourth.stdout.contains("kept"), "{}", fourth.stdout);
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_kept_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let server = OAuthServer::healthy().await;
    walk(&server, folder.path(), &[]).await;
    let kept = folder.path().join("mcpo/probe");
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let files: Vec<_> = std::fs::read_dir(&kept)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    let permissions = files[0].metadata().unwrap().permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);
    // A file that other users may have written is not used.
    std::fs::set_permissions(&files[0], std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = walk(&server, folder.path(), &[]).await;
    assert!(
        run.stderr.contains("other users can read it"),
        "{}",
        run.stderr
    );
    assert_eq!(registrations(&server), 2);
    // Nor is a damaged file, and its text is not repeated.
    std::fs::write(&files[0], "{\"access\": \"hush-hush\"}").unwrap();
    let run = walk(&server, folder.path(), &[]).await;
    assert!(run.stderr.contains("is not used"), "{}", run.stderr);
    assert!(!run.stderr.contains("hush"), "{}", run.stderr);
}

#[tokio::test]
async fn without_reuse_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = OAuthServer::healthy().await;
    let state = [("XDG_STATE_HOME", folder.path().to_str().unwrap())];
    let run = probe_with(&[&server.url()], &state).await;
    assert_eq!(run.code, Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A server that forgets what clients keep forever: they show "Connected", but no tools.
#[tokio::test]
async fn what_a_server_forgot_is_said_and_signed_in_for_again() {
    for (hole, told) in [
        (Hole::ForgetsRefresh, "FAIL"),
        (Hole::ForgetsClients, "FAIL"),
        (Hole::ForgetsAccess, "warn"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = OAuthServer::start(Settings {
            hole: Some(hole),
            ..Settings::default()
        })
        .await;
        walk(&server, folder.path(), &[]).await;
        server.restart().await;
        let run = walk(&server, folder.path(), &[]).await;
        assert!(run.stdout.contains(told), "{hole:?}: {}", run.stdout);
        assert!(
            run.stdout.contains("tools/call"),
            "{hole:?}: {}",
            run.stdout
        );
        let again = usize::from(hole == Hole::ForgetsClients);
        assert_eq!(registrations(&server), 1 + again, "{hole:?}");
    }
}
