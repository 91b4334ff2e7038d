//! Runs the script for a real account against the stand-in.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use mcpo_test_support::{google::Google, vendored::keep_built_command};

use crate::{
    project::{REGION, RunResult, isolated},
    template_project::CACHE,
};

#[test]
fn smoke_cloud_run_script_completes_and_cleans_up() {
    let google = Google::start();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // The dependencies are already built by tests of the template.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(CACHE)
        .join("target");
    let folder = tempfile::tempdir().unwrap();
    let mcpo = folder.path().join("mcpo");
    let real = env!("CARGO_BIN_EXE_mcpo");
    let keep_built = keep_built_command(real);
    let text = format!(
        "#!/bin/sh\nset -e\n'{real}' \"$@\"\n[ \"$1\" != new ] || (cd \"$2\" && {keep_built})\n"
    );
    fs::write(&mcpo, text).unwrap();
    fs::set_permissions(&mcpo, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(root.join("scripts/smoke-cloud-run"));
    isolated(&mut command, &google)
        .args(["my-project", REGION])
        .env("MCPO", &mcpo)
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null());
    let result = RunResult::of(&command.output().unwrap());
    result.has(
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
