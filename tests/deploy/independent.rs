//! Checks the Google stand-in with Google's own Python clients.

use std::{path::Path, process::Command};

use crate::project::{Project, SERVICE, google};

#[test]
fn the_clients_of_google_work_with_the_stand_in_over_openssl() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/google-python/bin/python");
    assert!(python.is_file(), "scripts/check installs Google's clients");
    let output = Command::new(python)
        .arg(root.join("tests/deploy/google_client.py"))
        .arg(SERVICE)
        .envs(google.environment())
        .env("REQUESTS_CA_BUNDLE", google.authority())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("understood"),
        "{trouble}"
    );
    // The client sends requests that Google refuses, on purpose.
    google.take_violations();
}
