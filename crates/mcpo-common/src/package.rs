//! Finds the package to run and its executable.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use cargo_metadata::{Metadata, MetadataCommand, Target};
use tokio::process::Command;

use crate::{
    cargo_config,
    error::{Failure, Outcome},
};

/// The folder with the results of the dev profile.
const DEV_PROFILE: &str = "debug";

/// The name of the runtime's package.
pub const RUNTIME: &str = "mcpo-runtime";
/// The packages that the runtime consists of.
pub const RUNTIME_PACKAGES: [&str; 2] = [RUNTIME, "mcpo-runtime-oauth"];
/// The folder with a project's own copy of the runtime's source.
pub const VENDORED_RUNTIME: &str = "vendor/mcpo-runtime";
/// The table of settings in `[package.metadata]`. A project with this table may use the runtime
/// through a package of another workspace.
const SETTINGS: &str = "mcpo";

/// One executable of a package.
#[derive(Clone, Debug)]
pub struct Package {
    /// The folder with the package's manifest, environment file and state folder.
    pub folder: PathBuf,
    /// The folder with the lock file. It differs from `folder` if the package is part of a
    /// workspace.
    pub workspace: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    /// The directory of cargo's intermediate files (`build.build-dir`); by default the target
    /// directory.
    pub build: PathBuf,
    /// The platform that cargo builds for, if its settings name one: a target triple, or the path
    /// of a specification.
    pub platform: Option<String>,
    /// The packages of the workspace and the path dependencies.
    pub local: Vec<String>,
    /// Whether the package has dependencies, which may be compiled already for another project.
    pub has_dependencies: bool,
    /// Whether the package, or another one of its workspace, uses the runtime.
    pub has_runtime: bool,
    /// The name of the package.
    pub name: String,
    /// The name of the executable.
    pub executable: String,
    /// `[package.metadata]` of the manifest.
    pub metadata: serde_json::Value,
    /// Whether the package has a build script, which may read any file of the package.
    pub has_build_script: bool,
}

impl Package {
    /// Finds the package of the current folder.
    pub fn find(package: Option<&str>, executable: Option<&str>) -> Outcome<Self> {
        let here = env::current_dir()
            .map_err(|error| Failure::new("failed to find the current folder").because(&error))?;
        let manifest = here
            .ancestors()
            .map(|folder| folder.join("Cargo.toml"))
            .find(|manifest| manifest.is_file())
            .ok_or_else(|| no_project(&here))?;
        let metadata = MetadataCommand::new()
            .cargo_path(cargo_program())
            .manifest_path(&manifest)
            .no_deps()
            .exec()
            .map_err(|error| cannot_read(&manifest, &error))?;
        let package = choose_package(&metadata, &manifest, package)?;
        let target = choose_executable(package, executable)?;
        let folder = package
            .manifest_path
            .parent()
            .map_or(&*here, |folder| folder.as_std_path());
        let target_folder = metadata.target_directory.clone().into_std_path_buf();
        let build = metadata.build_directory.clone();
        let members = metadata.packages.iter();
        let by_path = package
            .dependencies
            .iter()
            .filter(|other| other.path.is_some());
        let local = members
            .map(|member| member.name.to_string())
            .chain(by_path.map(|other| other.name.clone()));
        let uses_runtime = |package: &cargo_metadata::Package| {
            let mut dependencies = package.dependencies.iter();
            package.name == RUNTIME || dependencies.any(|other| other.name == RUNTIME)
        };
        let has_settings = package.metadata.get(SETTINGS).is_some();
        Ok(Self {
            has_runtime: has_settings || metadata.packages.iter().any(uses_runtime),
            build: build.map_or_else(|| target_folder.clone(), Into::into),
            platform: cargo_config::platform(folder),
            local: local.collect(),
            has_dependencies: !package.dependencies.is_empty(),
            folder: folder.to_owned(),
            workspace: metadata.workspace_root.clone().into_std_path_buf(),
            target: target_folder,
            name: package.name.to_string(),
            executable: target.name.clone(),
            metadata: package.metadata.clone(),
            has_build_script: package.targets.iter().any(Target::is_custom_build),
        })
    }
}

impl Package {
    /// Returns the crate name of the executable, as rustc uses it.
    #[must_use]
    pub fn crate_name(&self) -> String {
        self.executable.replace('-', "_")
    }

    /// Returns the folder with the results of the dev profile for the executable, below the target
    /// or build directory.
    #[must_use]
    pub fn artifact_folder(&self, base: &Path) -> PathBuf {
        match &self.platform {
            Some(platform) => base
                .join(cargo_config::folder_of_platform(platform))
                .join(DEV_PROFILE),
            None => base.join(DEV_PROFILE),
        }
    }

    /// Returns all folders with results of the dev profile, below the target or build directory. If
    /// the settings name a platform, build scripts and procedural macros are compiled for this
    /// machine and have a separate folder.
    #[must_use]
    pub fn artifact_folders(&self, base: &Path) -> BTreeSet<PathBuf> {
        BTreeSet::from([base.join(DEV_PROFILE), self.artifact_folder(base)])
    }
}

/// Returns the cargo that runs this program, or the one on the `PATH`.
#[must_use]
pub fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Returns a command that runs cargo, without the variables that a cargo around this process has set.
/// Some build scripts read them, and cargo would compile these crates again, although another process
/// has compiled them.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(cargo_program());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_outer_cargo) {
            command.env_remove(name);
        }
    }
    command
}

/// Returns true if cargo sets the variable for the programs that it runs.
/// <https://doc.rust-lang.org/cargo/reference/environment-variables.html>
fn is_of_outer_cargo(variable: &str) -> bool {
    const NAMES: [&str; 6] = [
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
    ];
    NAMES.contains(&variable) || variable.starts_with("CARGO_PKG_")
}

fn no_project(here: &Path) -> Failure {
    Failure::new(format!(
        "there is no project: no Cargo.toml in {} or any folder above",
        here.display()
    ))
    .hint("change to the project's folder, or create a project: mcpo new my-service && cd my-service && mcpo dev")
}

fn cannot_read(manifest: &Path, error: &cargo_metadata::Error) -> Failure {
    let failure = Failure::new(format!("failed to read {}", manifest.display()));
    match error {
        cargo_metadata::Error::CargoMetadata { stderr } => {
            let said = stderr.trim().trim_start_matches("error: ").to_owned();
            failure.because(&std::io::Error::other(said))
        }
        cargo_metadata::Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
            cargo_missing()
        }
        other => failure.because(other),
    }
}

/// Returns the failure to report when cargo is not found.
#[must_use]
pub fn cargo_missing() -> Failure {
    Failure::new("cargo is not installed, or not on the PATH")
        .hint("install Rust: https://rustup.rs")
}

fn choose_package<'a>(
    metadata: &'a Metadata,
    manifest: &Path,
    wanted: Option<&str>,
) -> Outcome<&'a cargo_metadata::Package> {
    let members = metadata.workspace_packages();
    if let Some(wanted) = wanted {
        return members
            .iter()
            .copied()
            .find(|package| package.name == wanted)
            .ok_or_else(|| {
                Failure::new(format!("there is no package `{wanted}` here"))
                    .hint(format!("choose one of: {}", names(&members)))
            });
    }
    let of_this_folder = members
        .iter()
        .copied()
        .find(|package| package.manifest_path.as_std_path() == manifest);
    if let Some(package) = of_this_folder {
        return Ok(package);
    }
    let mut candidates = vec![with_executables(&members)];
    // Cargo before 1.71 does not report the default members.
    if !metadata.workspace_default_members.is_missing() {
        candidates.insert(0, with_executables(&metadata.workspace_default_packages()));
    }
    let only = candidates
        .iter()
        .find_map(|candidates| match &**candidates {
            [only] => Some(*only),
            _ => None,
        });
    match (only, &*members) {
        (Some(only), _) => Ok(only),
        (None, [only]) => Ok(*only),
        (None, _) => Err(
            Failure::new("this workspace has several packages").hint(format!(
                "choose one with --package NAME: {}",
                names(&members)
            )),
        ),
    }
}

fn with_executables<'a>(
    packages: &[&'a cargo_metadata::Package],
) -> Vec<&'a cargo_metadata::Package> {
    let packages = packages.iter().copied();
    packages
        .filter(|package| package.targets.iter().any(Target::is_bin))
        .collect()
}

fn names(packages: &[&cargo_metadata::Package]) -> String {
    let names: Vec<_> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    names.join(", ")
}

fn choose_executable<'a>(
    package: &'a cargo_metadata::Package,
    wanted: Option<&str>,
) -> Outcome<&'a Target> {
    let executables: Vec<_> = package
        .targets
        .iter()
        .filter(|target| target.is_bin())
        .collect();
    let names = || {
        let names: Vec<_> = executables
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        names.join(", ")
    };
    let wanted = wanted.or(package.default_run.as_deref());
    match (wanted, &*executables) {
        (Some(wanted), _) => executables
            .iter()
            .copied()
            .find(|target| target.name == wanted)
            .ok_or_else(|| {
                Failure::new(format!("`{}` has no executable `{wanted}`", package.name))
                    .hint(format!("choose one of: {}", names()))
            }),
        (None, [only]) => Ok(only),
        (None, []) => Err(Failure::new(format!(
            "`{}` is a library: there is nothing to run",
            package.name
        ))
        .hint("add a src/main.rs, or change to the folder of a package that has one")),
        (None, _) => Err(
            Failure::new(format!("`{}` has several executables", package.name))
                .hint(format!("choose one with --bin NAME: {}", names())),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::cargo;

    /// Cargo sets this variable for tests.
    #[test]
    fn variables_of_an_outer_cargo_are_removed_and_settings_stay() {
        let command = cargo();
        let changed: Vec<_> = command.as_std().get_envs().collect();
        assert!(changed.contains(&(OsStr::new("CARGO_MANIFEST_DIR"), None)));
        let is_setting = |name: &OsStr| name == "CARGO_HOME" || name == "CARGO_TARGET_DIR";
        assert!(!changed.iter().any(|(name, _)| is_setting(name)));
    }
}
