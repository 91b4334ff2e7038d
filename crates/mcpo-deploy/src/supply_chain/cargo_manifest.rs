//! Reads the manifest of a package: its license, and which dependencies only its tests use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use toml::Table;

/// The manifest of a package.
#[derive(Debug)]
pub struct CargoManifest {
    path: PathBuf,
    table: Table,
}

impl CargoManifest {
    /// Returns `None` if the manifest is unreadable.
    pub fn read(path: &Path) -> Option<Self> {
        Some(Self {
            table: read(path)?,
            path: path.to_owned(),
        })
    }

    /// Returns the license as an entry of `licenses` in `CycloneDX`, or `None` if the manifest names
    /// none.
    pub fn license(&self) -> Option<Value> {
        let package = self.table.get("package")?;
        let text = match package.get("license") {
            Some(toml::Value::String(text)) => Some(text.clone()),
            Some(inherited) if inherited.get("workspace").is_some() => of_workspace(&self.path),
            _ => None,
        };
        if let Some(text) = text {
            return Some(entry(&text));
        }
        package.get("license-file")?;
        Some(json!({ "license": { "name": "see the license file of the package" } }))
    }

    /// Returns true if only tests, examples and benchmarks of the package use the dependency.
    pub fn is_for_tests_only(&self, dependency: &str) -> bool {
        let no_targets = Table::new();
        let targets = self.table.get("target").and_then(toml::Value::as_table);
        let targets = targets.unwrap_or(&no_targets).values();
        let tables: Vec<_> = targets
            .filter_map(toml::Value::as_table)
            .chain([&self.table])
            .collect();
        let names = |section: &str| {
            let mut entries = tables
                .iter()
                .filter_map(|table| table.get(section)?.as_table())
                .flatten();
            entries.any(|(key, entry)| {
                let renamed = entry.get("package").and_then(toml::Value::as_str);
                renamed.unwrap_or(key) == dependency
            })
        };
        names("dev-dependencies") && !names("dependencies") && !names("build-dependencies")
    }
}

/// Returns the license in the manifest of the package's workspace.
fn of_workspace(manifest: &Path) -> Option<String> {
    let folders = manifest.parent()?.ancestors();
    let mut workspaces = folders.filter_map(|folder| {
        let table = read(&folder.join("Cargo.toml"))?;
        table.get("workspace").cloned()
    });
    let workspace = workspaces.next()?;
    let license = workspace.get("package")?.get("license")?;
    license.as_str().map(str::to_owned)
}

fn read(manifest: &Path) -> Option<Table> {
    fs::read_to_string(manifest).ok()?.parse().ok()
}

/// Returns the entry of a license. Old packages separate alternatives with a slash.
fn entry(license: &str) -> Value {
    let expression = license.replace('/', " OR ");
    let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    if is_expression(&expression) {
        json!({ "expression": expression })
    } else {
        json!({ "license": { "name": license } })
    }
}

/// Returns true if the text has the form of an SPDX license expression: names with operators between
/// them.
fn is_expression(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let is_operator = |word: &str| matches!(word, "AND" | "OR" | "WITH");
    let is_name = |word: &str| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-.+:".contains(c))
    };
    let (mut depth, mut expects_name) = (0_u32, true);
    for word in spaced.split_whitespace() {
        match word {
            "(" if expects_name => depth += 1,
            ")" if !expects_name && depth > 0 => depth -= 1,
            word if is_operator(word) && !expects_name => expects_name = true,
            word if is_name(word) && !is_operator(word) && expects_name => expects_name = false,
            _ => return false,
        }
    }
    depth == 0 && !expects_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licenses_are_expressions_or_names() {
        for (license, expression) in [
            ("MIT", "MIT"),
            ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
            (
                "(MIT OR Apache-2.0) AND  Unicode-3.0",
                "(MIT OR Apache-2.0) AND Unicode-3.0",
            ),
            (
                "Apache-2.0 WITH LLVM-exception",
                "Apache-2.0 WITH LLVM-exception",
            ),
        ] {
            assert_eq!(entry(license)["expression"], expression);
        }
        for license in ["all rights reserved", "MIT OR", "(MIT", ""] {
            assert_eq!(entry(license)["license"]["name"], license);
        }
    }

    #[test]
    fn license_of_a_member_is_read_from_its_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let member = folder.path().join("member");
        fs::create_dir(&member).unwrap();
        let root = "[workspace]\nmembers = [\"member\"]\n[workspace.package]\nlicense = \"MIT\"\n";
        fs::write(folder.path().join("Cargo.toml"), root).unwrap();
        let manifest = member.join("Cargo.toml");
        fs::write(&manifest, "[package]\nlicense.workspace = true\n").unwrap();
        let license = || CargoManifest::read(&manifest).unwrap().license();
        assert_eq!(license(), Some(json!({ "expression": "MIT" })));
        fs::write(&manifest, "[package]\nname = \"a\"\n").unwrap();
        assert_eq!(license(), None);
    }

    #[test]
    fn dependencies_of_tests_are_recognized() {
        let text = "
            [dependencies]
            both = \"1\"
            [target.'cfg(unix)'.dependencies]
            short = { package = \"renamed\", version = \"1\" }
            [dev-dependencies]
            both = \"1\"
            renamed = \"1\"
            only = \"1\"
        ";
        let manifest = CargoManifest {
            path: PathBuf::new(),
            table: text.parse().unwrap(),
        };
        let of_tests =
            ["both", "renamed", "only", "other"].map(|it| manifest.is_for_tests_only(it));
        assert_eq!(of_tests, [false, false, true, false]);
    }
}
