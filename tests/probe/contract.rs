//! `--lock` and `--locked`: the contract of a server, and what its changes mean.

use std::fs;

use insta::assert_snapshot;
use mcpo_test_support::oauth_server::{OAuthServer, StoreFault};
use serde_json::Value;

use crate::support::{Run, probe};

/// Probes a server whose tools differ from those of the healthy one.
async fn probe_changed(fault: StoreFault, arguments: &[&str]) -> Run {
    let server = OAuthServer::with_store_fault(fault).await;
    let url = server.url();
    probe(&[&[url.as_str()], arguments].concat()).await
}

/// Returns the verdict of the check in a JSON report, and the changes.
fn verdict(run: &Run) -> String {
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    let mut checks = report["checks"].as_array().expect("checks").iter();
    let check = checks.find(|check| check["id"] == "contract");
    let check = check.expect("the check");
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![
        ["verdict", "seen", "hint"]
            .map(|name| text(check, name))
            .join("; "),
    ];
    for change in report["contract"]["changes"].as_array().expect("changes") {
        let [class, path, what] = ["class", "path", "what"].map(|name| text(change, name));
        lines.push(format!("{class} {path}: {what}"));
    }
    lines.join("\n")
}

#[tokio::test]
async fn changes_are_compared_with_the_lock_file_until_they_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mcpo.lock");
    let file = path.to_str().unwrap();
    let healthy = OAuthServer::healthy().await;
    let url = healthy.url();
    let run = probe(&[&url, "--locked", file]).await;
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(
        run.stderr.contains("--lock instead of --locked"),
        "{}",
        run.stderr
    );

    let run = probe(&[&url, "--lock", file]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(
        run.stderr.contains("2 tools, 2 resources, 2 prompts"),
        "{}",
        run.stderr
    );
    let written = fs::read_to_string(&path).unwrap();
    assert!(
        written.contains("\"description\": \"Adds two whole numbers"),
        "{written}"
    );
    // Another run writes the same text, and nothing else is left in the folder.
    probe(&[&url, "--lock", file]).await;
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let locked = ["--json", "--locked", file];
    let run = probe(&[&[url.as_str()], &locked[..]].concat()).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert_eq!(verdict(&run), format!("pass; no change since {file}; "));
    let run = probe_changed(StoreFault::ReadOnlyHint, &locked).await;
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(
        run.stdout.contains("connects and can call tools"),
        "{}",
        run.stdout
    );
    assert!(
        run.stderr.contains("tools/add/annotations/readOnlyHint"),
        "{}",
        run.stderr
    );
    assert_snapshot!(verdict(&run), @"
    fail; 1 trust change; undo the changes, or accept them: add --accept-changes
    trust tools/add/annotations/readOnlyHint: removed; now means false
    ");
    // A text that only the model reads is a warning.
    let run = probe_changed(StoreFault::ShortDescription, &locked).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert_snapshot!(verdict(&run), @"
    warn; 1 visible change; update the file: add --accept-changes
    visible tools/add/description: changed
    ");
    assert_eq!(fs::read_to_string(&path).unwrap(), written);

    let run = probe_changed(
        StoreFault::NoOutputSchema,
        &["--locked", file, "--accept-changes"],
    )
    .await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(run.stderr.contains("wrote "), "{}", run.stderr);
    assert!(
        run.stdout.contains("breaking  tools/whoami/outputSchema"),
        "{}",
        run.stdout
    );
    let run = probe_changed(StoreFault::NoOutputSchema, &locked).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(
        verdict(&run).starts_with("pass; no change"),
        "{}",
        run.stdout
    );

    fs::write(&path, written.replace("Adds two", "Adds 2")).unwrap();
    let run = probe(&[&url, "--locked", file]).await;
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(
        run.stderr.contains("does not match its sha256"),
        "{}",
        run.stderr
    );
}

#[tokio::test]
async fn each_document_has_the_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mcpo.lock");
    let file = path.to_str().unwrap();
    let healthy = OAuthServer::healthy().await;
    probe(&[&healthy.url(), "--lock", file]).await;
    for document in ["--json", "--junit", "--markdown", "--sarif", "--html"] {
        let arguments = [document, "--locked", file];
        let run = probe_changed(StoreFault::ReadOnlyHint, &arguments).await;
        assert_eq!(run.code, Some(1), "{}", run.stdout);
        let text = &run.stdout;
        let change = "tools/add/annotations/readOnlyHint";
        assert!(
            text.contains("trust") && text.contains(change),
            "{document}: {text}"
        );
        if document == "--json" {
            let report: Value = serde_json::from_str(text).unwrap();
            assert_eq!(report["contract"]["file"], file);
            assert_eq!(report["contract"]["changes"][0]["class"], "trust");
            assert_eq!(report["contract"]["changes"][0]["path"], change);
        }
    }
}

const STDIO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/probe/servers/stdio.py"
);

/// Probes a local server with `fault`.
async fn probe_local(fault: &str, options: &[&str]) -> Run {
    let python = if cfg!(windows) { "python" } else { "python3" };
    probe(&[options, &["--", python, STDIO, fault]].concat()).await
}

/// Without all lists, there is no contract to compare.
#[tokio::test]
async fn locked_could_not_run_without_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mcpo.lock");
    let file = path.to_str().unwrap();
    let run = probe_local("healthy", &["--lock", file]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let run = probe_local("templates", &["--locked", file]).await;
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    let because = "the probe did not get the list of resource templates";
    assert!(run.stdout.contains(because), "{}", run.stdout);
    assert!(
        run.stdout.contains("connects and can call tools"),
        "{}",
        run.stdout
    );
}

/// A file without one of the lists would accept every later change of it. A server without resource
/// templates need not support their list.
#[tokio::test]
async fn lock_writes_no_file_without_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mcpo.lock");
    let file = path.to_str().unwrap();
    let run = probe_local("templates", &["--lock", file]).await;
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(!path.exists());
    let run = probe_local("no-templates", &["--lock", file]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(path.exists());
}
