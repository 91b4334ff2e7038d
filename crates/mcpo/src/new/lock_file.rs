//! Puts the packages of the project's `Cargo.lock` in cargo's order.
//!
//! The lock file of a template contains the project under a variable. Without this, the first build
//! of every project would move that entry, and git would show a change.
//!
//! A project may have the name of a dependency, such as `http`. Its lock file would need the versions
//! of both wherever the name appears, so such a project starts without one, and cargo writes it.

use std::fs;

use mcpo_common::error::Outcome;

use super::{
    name::ProjectName,
    staging::{Staging, failed_to},
};

const FILE: &str = "Cargo.lock";
const PACKAGE: &str = "[[package]]\n";

/// Sorts the lock file, if the project has one. Removes a lock file that cargo could not read.
pub fn sort(staging: &Staging, name: &ProjectName) -> Outcome<()> {
    let path = staging.folder().join(FILE);
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(());
    };
    if is_ambiguous(&text, name.as_str()) {
        return remove(staging);
    }
    let Some(sorted) = sorted(&text) else {
        return Ok(());
    };
    fs::write(&path, sorted).map_err(|error| failed_to("write", &path, &error))
}

/// Removes the lock file of a project that joins a workspace, because the workspace has its own.
pub fn remove(staging: &Staging) -> Outcome<()> {
    let path = staging.folder().join(FILE);
    if !path.exists() {
        return Ok(());
    }
    fs::remove_file(&path).map_err(|error| failed_to("remove", &path, &error))
}

/// Returns true if another package has the name of the project.
fn is_ambiguous(text: &str, name: &str) -> bool {
    let entry = format!("name = \"{name}\"");
    let packages = text.split(PACKAGE).skip(1);
    let named = packages.filter(|package| package.lines().next() == Some(&entry));
    named.count() > 1
}

/// Returns the lock file with its packages sorted by name. Packages with the same name keep their
/// order. Returns `None` if the file contains anything else.
fn sorted(text: &str) -> Option<String> {
    let (head, packages) = text.split_once(PACKAGE)?;
    if packages.contains("\n[metadata]") || packages.contains("\n[[patch") {
        return None;
    }
    let mut packages: Vec<_> = packages.split(PACKAGE).map(str::trim_end).collect();
    packages.sort_by_key(|package| package.lines().next());
    let packages: Vec<_> = packages
        .into_iter()
        .map(|package| format!("{PACKAGE}{package}\n"))
        .collect();
    Some(format!("{head}{}", packages.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_sorted_by_name() {
        let lock = |names: &[&str]| {
            let packages = names.iter().map(|name| {
                format!("[[package]]\nname = {name:?}\ndependencies = [\n \"serde\",\n]\n")
            });
            let packages: Vec<_> = packages.collect();
            format!("# By cargo.\nversion = 4\n\n{}", packages.join("\n"))
        };
        let expected = lock(&["axum", "my-service", "serde"]);
        assert_eq!(
            sorted(&lock(&["axum", "serde", "my-service"])),
            Some(expected.clone())
        );
        assert_eq!(sorted(&expected), Some(expected.clone()));
        assert_eq!(sorted(&format!("{expected}\n[metadata]\n")), None);
    }

    #[test]
    fn a_project_with_the_name_of_a_dependency_is_ambiguous() {
        let package = |name: &str| format!("[[package]]\nname = {name:?}\nversion = \"1.0.0\"\n\n");
        let text = ["http", "http", "http-body"].map(package).concat();
        assert!(is_ambiguous(&text, "http"));
        assert!(!is_ambiguous(&text, "http-body") && !is_ambiguous(&text, "body"));
    }
}
