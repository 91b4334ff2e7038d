//! Checks the Google stand-in with Google's own Python clients.

use std::{path::Path, process::Command};

use crate::project::{Project, SERVICE, google};

#[test]
fn google_python_clients_work_with_the_stand_in() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let key = "projects/my-project/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    google.add_signing_key(key);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/google-python/bin/python");
    assert!(python.is_file(), "scripts/check installs Google's clients");
    let output = Command::new(python)
        .arg(root.join("tests/deploy/google_client.py"))
        .args([SERVICE, key])
        .envs(google.environment())
        .env("REQUESTS_CA_BUNDLE", google.authority())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains("understood"),
        "{stderr}"
    );
    // The client sends requests that Google refuses, on purpose.
    google.take_violations();
}
