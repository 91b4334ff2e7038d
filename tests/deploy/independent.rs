//! The stand-in is as strict and as right as Google's own client for Python takes it to be.

use std::{path::Path, process::Command};

use crate::project::{Project, SERVICE, google};

#[test]
fn googles_own_client_is_content() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/google-python/bin/python");
    assert!(python.is_file(), "scripts/check installs google-cloud-run");
    let output = Command::new(python)
        .arg(root.join("tests/deploy/google_client.py"))
        .args([&google.address().to_string(), SERVICE])
        .env_remove("HTTPS_PROXY")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("understood"),
        "{trouble}"
    );
    // It asked for what Google refuses, on purpose.
    google.take_violations();
}
