//! Runs the script for a real account against the stand-in.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use mcpo_test_support::google::Google;

use crate::{
    project::{REGION, Said, isolated},
    whole::CACHE,
};

#[test]
fn smoke_cloud_run_does_what_it_says() {
    let google = Google::start();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // The dependencies are already built by the tests in `whole`.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(CACHE)
        .join("target");
    let mut command = Command::new(root.join("scripts/smoke-cloud-run"));
    isolated(&mut command, &google)
        .args(["my-project", REGION])
        .env("MCPO", env!("CARGO_BIN_EXE_mcpo"))
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null());
    let said = Said::of(&command.output().unwrap());
    said.has(
        0,
        &[
            "all steps passed",
            "cleaning up (the run ended with 0)",
            "Deleted service account",
        ],
    );
    let left = google.resources();
    let repository = "projects/my-project/locations/europe-west1/repositories/mcpo";
    assert_eq!(left, [repository]);
}
