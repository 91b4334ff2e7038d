//! Tests of the GitHub Action: the script of its step, with the real binary.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use tempfile::tempdir;

use crate::packages::root;

/// Runs the step `Probe` of the action as a runner does. Returns its exit code, what it printed,
/// and what it wrote to `GITHUB_OUTPUT`.
fn probe(folder: &Path, url: &str) -> (Option<i32>, String, String) {
    let action = fs::read_to_string(root().join("action.yml")).unwrap();
    let step = action.split("- name: Probe\n").nth(1).unwrap();
    let script: Vec<_> = step
        .split("run: |\n")
        .nth(1)
        .unwrap()
        .lines()
        .take_while(|line| line.starts_with("        "))
        .collect();
    let bin = folder.join("mcpo");
    fs::create_dir_all(&bin).unwrap();
    let _ = symlink(env!("CARGO_BIN_EXE_mcpo"), bin.join("mcpo"));
    let outputs = folder.join("outputs");
    fs::write(&outputs, "").unwrap();
    let mut command = Command::new("bash");
    crate::tool::clean(&mut command, folder);
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
        .arg(script.join("\n"))
        .env("RUNNER_TEMP", folder)
        .env("GITHUB_OUTPUT", &outputs)
        .env("URL", url)
        .env("CLIENT", "cursor")
        .env("STORES", "claude-directory,chatgpt")
        .env("ARGUMENTS", "--timeout\n5\n")
        .env("SARIF", "report.sarif");
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    let outputs = fs::read_to_string(outputs).unwrap();
    (output.status.code(), printed, outputs)
}

#[test]
fn the_action_probes_its_url() {
    let folder = tempdir().unwrap();
    // Nothing listens on the port 1.
    let (code, printed, outputs) = probe(folder.path(), "http://127.0.0.1:1/mcp");
    assert_eq!(code, Some(2), "{printed}");
    assert_eq!(outputs, "exit-code=2\n");
    assert!(
        printed.contains("connection refused: nothing listens there"),
        "{printed}"
    );
}

#[test]
fn the_action_refuses_what_is_no_url() {
    let folder = tempdir().unwrap();
    for url in ["--help", "ls", ""] {
        let (code, printed, outputs) = probe(folder.path(), url);
        assert_eq!(code, Some(2), "{printed}");
        assert_eq!(outputs, "exit-code=2\n");
        assert!(printed.contains("must begin with https://"), "{printed}");
    }
}
