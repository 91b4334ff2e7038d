//! The official conformance suite against `mcpo probe` as a client.
//!
//! The suite comes from npm; `scripts/check` installs it.

mod dev_view;

use std::process::Command;

#[test]
fn every_scenario_required_of_a_client_passes() {
    let output = Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/conformance/client"
    ))
    .env("MCPO", env!("CARGO_BIN_EXE_mcpo"))
    .output()
    .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(
        stdout.ends_with("41 scenarios passed, 0 failed\n"),
        "{stdout}"
    );
}
