//! Checks the cargo workspace around a new project.
//!
//! Cargo accepts one workspace root per package, and a generated project is its own root. If a
//! workspace above it has the project's folder as a member, every cargo command fails with
//! "multiple workspace roots". <https://doc.rust-lang.org/cargo/reference/workspaces.html>

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use cargo_metadata::MetadataCommand;
use glob::{MatchOptions, Pattern};
use mcpo_common::{
    error::{Failure, Outcome},
    package::cargo_program,
};
use serde::Deserialize;

use super::{
    name::ProjectName,
    runtime::RuntimeSource,
    staging::{Staging, failed_to},
};

const MANIFEST: &str = "Cargo.toml";
/// Tables that cargo reads only in the manifest of a workspace root.
const OF_ROOTS: [&str; 2] = ["workspace", "profile"];

/// The nearest workspace above a project that has it as a member, or otherwise the nearest one.
#[derive(Debug)]
pub struct Enclosing {
    manifest: PathBuf,
    /// The project's folder, relative to the workspace.
    folder: String,
    coverage: Coverage,
}

/// Whether a folder is a member of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Coverage {
    Outside,
    Excluded,
    /// A member by a pattern, which `exclude` overrides.
    Pattern(String),
    /// A member by its path, which `exclude` does not override.
    Name,
}

#[derive(Deserialize)]
struct Manifest {
    workspace: Option<Settings>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
}

impl Enclosing {
    /// Finds the workspace around `target`, which does not have to exist yet.
    pub fn find(target: &Path) -> Option<Self> {
        let target = std::path::absolute(target).ok()?;
        // Cargo compares canonical paths.
        let target = dunce::canonicalize(target.parent()?)
            .ok()?
            .join(target.file_name()?);
        let mut found: Vec<_> = target
            .ancestors()
            .skip(1)
            .filter_map(|root| Self::at(root, &target))
            .collect();
        let covering = found.iter().position(Self::covers).unwrap_or_default();
        (covering < found.len()).then(|| found.swap_remove(covering))
    }

    fn at(root: &Path, target: &Path) -> Option<Self> {
        let manifest = root.join(MANIFEST);
        let text = fs::read_to_string(&manifest).ok()?;
        // Cargo itself reports a manifest that it cannot parse.
        let settings = toml::from_str::<Manifest>(&text).ok()?.workspace?;
        let parts = target.strip_prefix(root).ok()?.iter();
        let parts: Vec<_> = parts.map(|part| part.to_string_lossy()).collect();
        Some(Self {
            manifest,
            folder: parts.join("/"),
            coverage: settings.coverage(root, target),
        })
    }

    const fn covers(&self) -> bool {
        matches!(self.coverage, Coverage::Pattern(_) | Coverage::Name)
    }

    /// Fails if a project with its own workspace would break this workspace.
    pub fn check_separate(&self, name: &ProjectName) -> Outcome<()> {
        let (folder, manifest) = (&self.folder, self.manifest.display());
        let (by, change) = match &self.coverage {
            Coverage::Outside | Coverage::Excluded => return Ok(()),
            Coverage::Pattern(pattern) => (
                pattern,
                format!("add `exclude = [{folder:?}]` to [workspace] in {manifest}"),
            ),
            Coverage::Name => (
                folder,
                format!("remove {folder:?} from `members` in {manifest}"),
            ),
        };
        Err(Failure::new(format!(
            "the workspace {manifest} has {folder} as a member (members = [{by:?}]); a project \
             that is its own workspace would break every cargo command there"
        ))
        .hint(format!(
            "{change}, or join the workspace: mcpo new {name} --workspace"
        )))
    }

    /// Fails if the project cannot become a member of this workspace.
    fn check_joined(&self, name: &ProjectName, runtime: &RuntimeSource) -> Outcome<()> {
        let (folder, manifest) = (&self.folder, self.manifest.display());
        let what = format!("{folder} is not a member of the workspace {manifest}");
        match self.coverage {
            Coverage::Outside => {
                let hint = format!("add {folder:?} to `members` there, or leave out --workspace");
                return Err(Failure::new(what).hint(hint));
            }
            Coverage::Excluded => {
                let hint =
                    format!("remove {folder:?} from `exclude` there, or leave out --workspace");
                return Err(Failure::new(what).hint(hint));
            }
            Coverage::Pattern(_) | Coverage::Name => {}
        }
        for (taken, member) in self.members() {
            let member = member.display();
            if taken == name.as_str() {
                let what = format!("the workspace {manifest} has a package `{name}` in {member}");
                return Err(Failure::new(what).hint("choose another name"));
            }
            if taken == "mcpo-runtime" && *runtime == RuntimeSource::Vendored {
                // Cargo rejects two packages with the same name and version in one lock file.
                let what =
                    format!("the workspace {manifest} has a copy of mcpo-runtime in {member}");
                let hint = format!("use that copy: mcpo new {name} --workspace --runtime {member}");
                return Err(Failure::new(what).hint(hint));
            }
        }
        Ok(())
    }

    /// Returns the packages of the workspace and their folders. Returns none if cargo cannot load
    /// the workspace, for example because it already lists the new folder.
    fn members(&self) -> Vec<(String, PathBuf)> {
        let metadata = MetadataCommand::new()
            .cargo_path(cargo_program())
            .manifest_path(&self.manifest)
            .no_deps()
            .exec();
        let packages = metadata
            .map(|metadata| metadata.packages)
            .unwrap_or_default();
        let named = packages.into_iter().map(|package| {
            let folder = package
                .manifest_path
                .parent()
                .map(|path| path.as_std_path().to_owned());
            (package.name.to_string(), folder.unwrap_or_default())
        });
        named.collect()
    }
}

/// Checks that the project can join the enclosing workspace. Fails if there is none, or if the
/// project cannot be a member.
pub fn to_join(
    enclosing: Option<&Enclosing>,
    name: &ProjectName,
    runtime: &RuntimeSource,
) -> Outcome<()> {
    let enclosing = enclosing.ok_or_else(|| {
        Failure::new("--workspace requires a cargo workspace in a folder above the project")
            .hint("leave out --workspace: the project is then its own workspace")
    })?;
    enclosing.check_joined(name, runtime)
}

/// Returns true if the rendered project is its own workspace.
pub fn is_root(staging: &Staging) -> bool {
    let text = fs::read_to_string(staging.folder().join(MANIFEST)).unwrap_or_default();
    text.parse::<toml::Table>()
        .is_ok_and(|manifest| manifest.contains_key("workspace"))
}

/// Turns the rendered project into a member, by removing the tables that only a root may have.
/// Returns remarks for the user.
pub fn make_member(staging: &Staging) -> Outcome<Vec<String>> {
    let path = staging.folder().join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|error| failed_to("read", &path, &error))?;
    let (member, profiles) = split(&text).ok_or_else(|| {
        Failure::new("the template's Cargo.toml cannot become a workspace member")
            .hint("leave out --workspace, or remove [workspace] and [profile] from the template")
    })?;
    fs::write(&path, member).map_err(|error| failed_to("write", &path, &error))?;
    if profiles.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "cargo reads profiles only from the workspace's Cargo.toml; copy these into it:\n\n{}",
        profiles.join("\n\n")
    )])
}

/// Returns the manifest without the tables of roots, and its profiles. Returns `None` if anything
/// else would change.
fn split(text: &str) -> Option<(String, Vec<String>)> {
    let mut expected: toml::Table = text.parse().ok()?;
    for root in OF_ROOTS {
        expected.remove(root);
    }
    let (mut kept, mut profiles) = (Vec::new(), Vec::new());
    let mut is_of_root = false;
    for paragraph in text.trim_end().split("\n\n") {
        let header = paragraph.lines().find(|line| line.starts_with('['));
        if let Some(header) = header {
            let name = header.trim_start_matches('[');
            let name = name.split(['.', ']']).next().unwrap_or_default().trim();
            is_of_root = OF_ROOTS.contains(&name);
            if name == "profile" {
                profiles.push(paragraph.to_owned());
            }
        }
        if !is_of_root {
            kept.push(paragraph);
        }
    }
    let kept = kept.join("\n\n") + "\n";
    let is_exact = kept
        .parse::<toml::Table>()
        .is_ok_and(|kept| kept == expected);
    is_exact.then_some((kept, profiles))
}

impl Settings {
    fn coverage(&self, root: &Path, target: &Path) -> Coverage {
        let is_named = |folder: &String| target.starts_with(below(root, folder));
        if self
            .members
            .iter()
            .any(|member| below(root, member) == target)
        {
            return Coverage::Name;
        }
        // In cargo, `exclude` does not apply below a member that is listed by its path.
        if self.exclude.iter().any(is_named) && !self.members.iter().any(is_named) {
            return Coverage::Excluded;
        }
        let mut members = self.members.iter();
        members
            .find(|member| matches(root, member, target))
            .map_or(Coverage::Outside, |member| {
                Coverage::Pattern(member.clone())
            })
    }
}

/// Returns true if a pattern in `members` matches the folder. As in cargo, `*` does not match a
/// `/`.
fn matches(root: &Path, pattern: &str, target: &Path) -> bool {
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::new()
    };
    let escaped = Pattern::escape(&root.to_string_lossy());
    let pattern = below(Path::new(&escaped), pattern);
    let pattern = Pattern::new(&pattern.to_string_lossy());
    pattern.is_ok_and(|pattern| pattern.matches_path_with(target, options))
}

/// Resolves a path in the manifest, without `.` and `..`.
fn below(root: &Path, path: &str) -> PathBuf {
    let mut whole = root.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(members: &[&str], exclude: &[&str]) -> Coverage {
        let owned = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
        let settings = Settings {
            members: owned(members),
            exclude: owned(exclude),
        };
        settings.coverage(Path::new("/w[1]"), Path::new("/w[1]/crates/svc"))
    }

    #[test]
    fn members_are_matched_as_cargo_does() {
        let by = |pattern: &str| Coverage::Pattern(pattern.to_owned());
        assert_eq!(coverage(&["crates/*"], &[]), by("crates/*"));
        assert_eq!(coverage(&["./crates/*/"], &[]), by("./crates/*/"));
        assert_eq!(coverage(&["**"], &[]), by("**"));
        assert_eq!(coverage(&["crates/s?c"], &[]), by("crates/s?c"));
        assert_eq!(coverage(&["*"], &[]), Coverage::Outside);
        assert_eq!(coverage(&["crates/*/*"], &[]), Coverage::Outside);
        assert_eq!(coverage(&["crates/svc"], &["crates/svc"]), Coverage::Name);
        assert_eq!(coverage(&["crates/*"], &["crates"]), Coverage::Excluded);
        assert_eq!(coverage(&[], &[]), Coverage::Outside);
    }

    #[test]
    fn only_tables_of_roots_are_removed() {
        let text = "[package]\nname = \"a\"\n\n# Why.\n[workspace]\nexclude = [\"vendor\"]\n\n\
                    # Small.\n[profile.release]\nstrip = true\n\n[package.metadata.mcpo]\na = 1\n";
        let (member, profiles) = split(text).unwrap();
        assert_eq!(
            member,
            "[package]\nname = \"a\"\n\n[package.metadata.mcpo]\na = 1\n"
        );
        assert_eq!(profiles, ["# Small.\n[profile.release]\nstrip = true"]);
        // Paragraphs are kept or removed as a whole, so two tables in one paragraph are an error.
        assert!(split("[workspace]\n[package]\nname = \"a\"\n").is_none());
    }
}
