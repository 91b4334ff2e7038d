//! Tests of what users install: the crates, the targets of the packages, and install.sh.
//!
//! `scripts/package` builds and tests the packages themselves.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_crate_contains_everything_of_the_runtime() {
    let crates = root().join("crates");
    let mut runtime = names(&crates.join("mcpo-runtime"));
    for left_out in ["examples", "target"] {
        runtime.remove(left_out);
    }
    let packaged = names(&crates.join("mcpo/runtime")).into_iter();
    // Cargo leaves folders with a `Cargo.toml` out of packages.
    let packaged = packaged.map(|name| name.replace("manifest.toml", "Cargo.toml"));
    assert_eq!(runtime, packaged.collect());
}

#[test]
fn published_crates_describe_themselves() {
    let manifest = root().join("Cargo.toml");
    let mut command = cargo_metadata::MetadataCommand::new();
    let metadata = command.manifest_path(manifest).no_deps().exec().unwrap();
    let published = |package: &&cargo_metadata::Package| package.publish != Some(Vec::new());
    let packages: Vec<_> = metadata.packages.iter().filter(published).collect();
    assert_eq!(packages.len(), 5);
    for package in packages {
        let name = &package.name;
        assert!(package.description.is_some(), "{name}: description");
        assert!(package.license.is_some(), "{name}: license");
        assert!(package.rust_version.is_some(), "{name}: rust-version");
        assert!(!package.categories.is_empty(), "{name}: categories");
        assert!(
            (1..=5).contains(&package.keywords.len()),
            "{name}: keywords"
        );
        for dependency in &package.dependencies {
            let is_ours = dependency.path.is_some()
                && dependency.kind != cargo_metadata::DependencyKind::Development;
            assert!(
                !is_ours || dependency.req.to_string() != "*",
                "{name}: the registry needs a version of {}",
                dependency.name
            );
        }
    }
}

#[test]
fn every_target_has_a_package_for_npm_and_an_archive_that_the_installer_knows() {
    let packaging = root().join("packaging");
    let targets = fs::read_to_string(packaging.join("targets.json")).unwrap();
    let installer = fs::read_to_string(packaging.join("install.sh")).unwrap();
    let targets: Vec<Value> = serde_json::from_str(&targets).unwrap();
    let mut platforms = BTreeSet::new();
    for target in &targets {
        let triple = target["target"].as_str().unwrap();
        let (machine, system) = triple.split_once('-').unwrap();
        let known = |line: &str| installer.contains(line);
        assert!(
            system.contains("windows")
                || known(&format!("machine={machine}")) && known(&format!("system={system}")),
            "install.sh does not know {triple}"
        );
        platforms.insert((target["npm"]["os"].as_str(), target["npm"]["cpu"].as_str()));
    }
    assert_eq!(platforms.len(), targets.len());
}

#[cfg(unix)]
mod installer {
    use std::{
        fmt::Write as _,
        fs,
        path::Path,
        process::{Command, Output},
    };

    use sha2::{Digest as _, Sha256};
    use tempfile::tempdir;

    const TARGETS: [&str; 4] = [
        "aarch64-apple-darwin",
        "aarch64-unknown-linux-musl",
        "x86_64-apple-darwin",
        "x86_64-unknown-linux-musl",
    ];

    /// Writes the archives of a release, whose executable is a script.
    fn release(folder: &Path) {
        let mut sums = String::new();
        for target in TARGETS {
            let script = b"#!/bin/sh\necho mcpo 9.9.9\n";
            let mut header = tar::Header::new_gnu();
            header.set_size(script.len() as u64);
            header.set_mode(0o755);
            let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
                Vec::new(),
                flate2::Compression::fast(),
            ));
            archive
                .append_data(&mut header, format!("mcpo-{target}/mcpo"), &script[..])
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

    fn install(from: &Path, to: &Path) -> Output {
        let mut command = Command::new("sh");
        command.arg(super::root().join("packaging/install.sh"));
        command.arg("--from").arg(from).arg("--to").arg(to);
        command.output().unwrap()
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
        assert_eq!(super::names(&to).into_iter().collect::<Vec<_>>(), ["mcpo"]);
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
    fn plain_http_is_refused() {
        let folder = tempdir().unwrap();
        let output = install(Path::new("http://localhost:1"), folder.path());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("does not begin with https://"), "{text}");
    }
}
