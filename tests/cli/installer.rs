//! Tests of `packaging/install.sh` with archives whose executable is a script.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output},
};

use sha2::{Digest as _, Sha256};
use tempfile::tempdir;

use crate::packages::{names, root};

const TARGETS: [&str; 4] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-unknown-linux-musl",
];

/// Writes the archives of a release, whose executable is a script.
fn release(folder: &Path) {
    release_of(folder, b"#!/bin/sh\necho mcpo 9.9.9\n");
}

/// Writes the archives of a release with this executable.
fn release_of(folder: &Path, script: &[u8]) {
    let mut sums = String::new();
    for target in TARGETS {
        let mut header = tar::Header::new_gnu();
        header.set_size(script.len() as u64);
        header.set_mode(0o755);
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        archive
            .append_data(&mut header, format!("mcpo-{target}/mcpo"), script)
            .unwrap();
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        let digest = Sha256::digest(&bytes);
        for byte in digest {
            write!(sums, "{byte:02x}").unwrap();
        }
        writeln!(sums, "  mcpo-{target}.tar.gz").unwrap();
        fs::write(folder.join(format!("mcpo-{target}.tar.gz")), bytes).unwrap();
    }
    fs::write(folder.join("SHA256SUMS"), sums).unwrap();
}

fn script() -> Command {
    let mut command = Command::new("sh");
    command.arg(root().join("packaging/install.sh"));
    command
}

fn install(from: &Path, to: &Path) -> Output {
    let mut command = script();
    command.arg("--from").arg(from).arg("--to").arg(to);
    command.output().unwrap()
}

/// Fails unless the script refused its arguments with this text.
fn assert_refused(command: &mut Command, expected: &str) {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_verified_archive_is_installed() {
    let folder = tempdir().unwrap();
    release(folder.path());
    let to = folder.path().join("new/bin");
    for _ in 0..2 {
        let output = install(folder.path(), &to);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("installed mcpo 9.9.9"), "{text}");
        assert!(text.contains("add the folder to your PATH"), "{text}");
    }
    assert_eq!(names(&to).into_iter().collect::<Vec<_>>(), ["mcpo"]);
}

#[test]
fn an_archive_with_another_checksum_is_not_installed() {
    let folder = tempdir().unwrap();
    release(folder.path());
    for target in TARGETS {
        let archive = folder.path().join(format!("mcpo-{target}.tar.gz"));
        let mut bytes = fs::read(&archive).unwrap();
        bytes.push(0);
        fs::write(archive, bytes).unwrap();
    }
    let output = install(folder.path(), &folder.path().join("bin"));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("SHA256SUMS says"), "{text}");
    assert!(!folder.path().join("bin").exists());
}

#[test]
fn an_archive_without_a_checksum_is_not_installed() {
    let folder = tempdir().unwrap();
    release(folder.path());
    fs::write(folder.path().join("SHA256SUMS"), "").unwrap();
    let output = install(folder.path(), &folder.path().join("bin"));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!folder.path().join("bin").exists());
}

#[test]
fn an_executable_that_does_not_run_replaces_nothing() {
    let folder = tempdir().unwrap();
    release(folder.path());
    let to = folder.path().join("bin");
    assert!(install(folder.path(), &to).status.success());
    let installed = fs::read(to.join("mcpo")).unwrap();
    release_of(folder.path(), b"#!/bin/sh\nexit 1\n");
    let output = install(folder.path(), &to);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("does not run on this machine"), "{text}");
    assert_eq!(names(&to).into_iter().collect::<Vec<_>>(), ["mcpo"]);
    assert_eq!(fs::read(to.join("mcpo")).unwrap(), installed);
}

#[test]
fn what_the_installer_cannot_do_is_refused() {
    let folder = tempdir().unwrap();
    release(folder.path());
    let mut command = script();
    command.args(["--from", "http://localhost:1", "--to"]);
    assert_refused(command.arg(folder.path()), "does not begin with https://");
    let mut command = script();
    command.args(["--version", "0.1.0", "--from"]);
    let expected = "--from cannot be used with --version";
    assert_refused(command.arg(folder.path()), expected);
    let mut command = script();
    command.env_remove("HOME").arg("--from").arg(folder.path());
    assert_refused(&mut command, "HOME is not set");
}

#[test]
fn a_piped_script_prints_its_help() {
    let file = fs::File::open(root().join("packaging/install.sh")).unwrap();
    let mut command = Command::new("sh");
    let output = command.args(["-s", "--", "--help"]).stdin(file).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("sh install.sh [--version VERSION]"), "{text}");
}
