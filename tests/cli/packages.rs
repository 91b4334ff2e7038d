//! Tests of what users install: the crates, the targets of the packages, and the workflow.
//!
//! `scripts/package` builds and tests the packages themselves.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

pub fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_crate_contains_everything_of_the_runtime() {
    let crates = root().join("crates");
    for (source, copy) in [
        ("mcpo-runtime", "mcpo/runtime"),
        ("mcpo-runtime/oauth", "mcpo/runtime/oauth"),
    ] {
        let mut source = names(&crates.join(source));
        for left_out in ["examples", "target"] {
            source.remove(left_out);
        }
        let packaged = names(&crates.join(copy)).into_iter();
        // Cargo leaves folders with a `Cargo.toml` out of packages.
        let packaged = packaged.map(|name| name.replace("manifest.toml", "Cargo.toml"));
        assert_eq!(source, packaged.collect());
    }
}

#[test]
fn published_crates_describe_themselves() {
    let manifest = root().join("Cargo.toml");
    let mut command = cargo_metadata::MetadataCommand::new();
    let metadata = command.manifest_path(manifest).no_deps().exec().unwrap();
    let published = |package: &&cargo_metadata::Package| package.publish != Some(Vec::new());
    let packages: Vec<_> = metadata.packages.iter().filter(published).collect();
    assert_eq!(packages.len(), 6);
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

/// Runs Python with the modules of `scripts/package`, on a folder. Returns whether it succeeded.
#[cfg(unix)]
fn package_script(code: &str, folder: &Path) -> bool {
    let mut command = std::process::Command::new("python3");
    let modules = root().join("packaging");
    command
        .env("PYTHONPATH", modules)
        .args(["-B", "-c", code])
        .arg(folder);
    command.output().unwrap().status.success()
}

#[cfg(unix)]
#[test]
fn only_a_folder_of_the_script_is_emptied() {
    let code = "import sys, pathlib; from release import output
output.prepare(pathlib.Path(sys.argv[1]), empty=True)";
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("letter"), "").unwrap();
    assert!(!package_script(code, &theirs));
    assert_eq!(names(&theirs), ["letter".to_owned()].into());

    let ours = folder.path().join("ours");
    for _ in 0..2 {
        assert!(package_script(code, &ours));
        assert!(!ours.join("mcpo.rb").exists());
        fs::write(ours.join("mcpo.rb"), "").unwrap();
    }
}

#[cfg(unix)]
#[test]
fn packages_of_other_versions_are_removed() {
    let code = "import sys, pathlib; from release import project
project.remove_stale(pathlib.Path(sys.argv[1]), 'mcpo*.crate', '-0.2.0.crate')";
    let folder = tempfile::tempdir().unwrap();
    for name in ["mcpo-0.1.0.crate", "mcpo-0.2.0.crate", "other-0.1.0.crate"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    assert!(package_script(code, folder.path()));
    let kept = ["mcpo-0.2.0.crate", "other-0.1.0.crate"].map(str::to_owned);
    assert_eq!(names(folder.path()), kept.into());
}

#[test]
fn the_action_installs_its_own_version() {
    let action = fs::read_to_string(root().join("action.yml")).unwrap();
    let input = action.split("\n  version:\n").nth(1).unwrap();
    let default = input
        .lines()
        .find_map(|line| line.trim().strip_prefix("default: "));
    assert_eq!(default, Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn only_a_pushed_tag_publishes() {
    let workflow = fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap();
    let jobs = workflow.split("\njobs:\n").nth(1).unwrap();
    let mut publishing = 0;
    // Jobs are indented by two spaces, and separated by an empty line.
    for job in jobs.split("\n\n") {
        if job.contains("environment: release") {
            publishing += 1;
            let condition = "\n    if: github.event_name == 'push' && github.ref_type == 'tag'\n";
            assert!(job.contains(condition), "{job}");
        }
    }
    assert_eq!(publishing, 5);
}
