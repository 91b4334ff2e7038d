//! Reads `Cargo.lock`: checksums, commits and dependencies.

use std::{fs, path::Path};

use mcpo_common::error::{Failure, Outcome};
use serde::Deserialize;

use super::package_id::{PackageId, public_url};

/// The lock file of a workspace.
#[derive(Debug, Default, Deserialize)]
pub struct CargoLock {
    #[serde(default, rename = "package")]
    packages: Vec<LockedPackage>,
}

/// One package of the lock file.
#[derive(Debug, Deserialize)]
pub struct LockedPackage {
    pub name: String,
    pub version: String,
    /// `None` for packages of this machine.
    pub source: Option<String>,
    /// The SHA-256 digest of the package's archive, in hexadecimal digits.
    pub checksum: Option<String>,
    /// `NAME`, `NAME VERSION` or `NAME VERSION (SOURCE)`, as short as possible.
    #[serde(default)]
    dependencies: Vec<String>,
}

impl CargoLock {
    /// Reads the lock file, and returns it with its content.
    pub fn read(workspace: &Path) -> Outcome<(Self, Vec<u8>)> {
        let path = workspace.join("Cargo.lock");
        let failed = |error: &dyn std::error::Error| {
            Failure::new(format!("failed to read {}", path.display())).because(error)
        };
        let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let lock = toml::from_str(&text).map_err(|error| failed(&error))?;
        Ok((lock, text.into_bytes()))
    }

    /// Returns the entry of a package.
    pub fn find(&self, id: &PackageId, full_id: &str) -> Option<&LockedPackage> {
        let same =
            |package: &&LockedPackage| package.name == id.name && package.version == id.version;
        let mut found: Vec<_> = self.packages.iter().filter(same).collect();
        if found.len() > 1 {
            let source = full_id.split('#').next().unwrap_or_default();
            found.retain(|package| match &package.source {
                Some(of_package) => of_package.split('#').next() == Some(source),
                None => source.starts_with("path+"),
            });
        }
        found.first().copied()
    }

    /// Returns the entries of a package's dependencies, of all platforms and features.
    pub fn dependencies<'a>(
        &'a self,
        package: &'a LockedPackage,
    ) -> impl Iterator<Item = &'a LockedPackage> {
        package.dependencies.iter().filter_map(move |text| {
            let mut words = text.splitn(3, ' ');
            let (name, version) = (words.next()?, words.next());
            let source = words.next().map(|source| source.trim_matches(['(', ')']));
            self.packages.iter().find(|package| {
                package.name == name
                    && version.is_none_or(|version| version == package.version)
                    && source.is_none_or(|source| {
                        let of_package = package.source.as_deref().unwrap_or_default();
                        of_package.split('#').next() == source.split('#').next()
                    })
            })
        })
    }
}

impl LockedPackage {
    /// Returns the commit of a package from a git repository of another machine.
    pub fn commit(&self) -> Option<&str> {
        let (url, commit) = self.source.as_deref()?.split_once('#')?;
        public_url(url.strip_prefix("git+")?)?;
        Some(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = ["one", "two 1.0.0", "two 2.0.0 (git+https://git.example.com/two?rev=x)"]

[[package]]
name = "one"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00ff"

[[package]]
name = "two"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "two"
version = "2.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "two"
version = "2.0.0"
source = "git+https://git.example.com/two?rev=x#abcdef"
"#;

    #[test]
    fn entries_and_dependencies_are_found_by_name_version_and_source() {
        let lock: CargoLock = toml::from_str(LOCK).unwrap();
        let find = |id: &str| lock.find(&PackageId::parse(id).unwrap(), id);
        let app = find("path+file:///x/app#0.1.0").unwrap();
        let of_app: Vec<_> = lock.dependencies(app).collect();
        let of_app: Vec<_> = of_app
            .iter()
            .map(|package| (&*package.name, &*package.version, package.commit()))
            .collect();
        let expected = [
            ("one", "1.0.0", None),
            ("two", "1.0.0", None),
            ("two", "2.0.0", Some("abcdef")),
        ];
        assert_eq!(of_app, expected);
        let two = find("git+https://git.example.com/two?rev=x#two@2.0.0").unwrap();
        assert_eq!(two.commit(), Some("abcdef"));
        let two = find("registry+https://github.com/rust-lang/crates.io-index#two@2.0.0").unwrap();
        assert_eq!(two.commit(), None);
        assert!(find("path+file:///x/three#0.1.0").is_none());
    }
}
