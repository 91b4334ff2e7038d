//! Decides where the project gets the crate `mcpo-runtime` from.

use std::path::{Path, PathBuf};

use mcpo_common::{
    error::{Failure, Outcome},
    package::VENDORED_RUNTIME,
};

use super::{
    checksums::{CHECKSUMS, Checksums},
    embedded, registry,
    staging::Staging,
};

/// A source of the crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeSource {
    /// A copy inside the project.
    Vendored,
    /// A version requirement for the registry.
    Version(String),
    /// The absolute path of a folder elsewhere on this machine.
    Folder(PathBuf),
    /// The URL of a repository that contains the crate.
    Git(String),
}

impl RuntimeSource {
    /// Parses `--runtime`. The default is the copy in this binary. A version must exist in the
    /// registry, and the crate must be ours.
    pub fn choose(unverified: Option<&str>) -> Outcome<Self> {
        match unverified {
            None | Some("vendored") => Ok(Self::Vendored),
            Some(url) if url.contains("://") || url.starts_with("git@") => git(url),
            Some(folder) if folder.starts_with(['.', '/', '~']) || folder.contains('/') => {
                local_folder(folder)
            }
            Some(version) => from_registry(version),
        }
    }

    /// Returns the right-hand side of `mcpo-runtime = …`.
    pub fn dependency(&self) -> String {
        let source = match self {
            Self::Vendored => r#"path = "vendor/mcpo-runtime""#.to_owned(),
            Self::Version(version) => format!("version = {version:?}"),
            Self::Folder(path) => format!("path = {:?}", path.display().to_string()),
            Self::Git(url) => format!("git = {url:?}"),
        };
        // A feature of the project decides whether SQLite is included.
        format!("{{ {source}, default-features = false }}")
    }

    /// Copies the crate into the project, if the source is `Vendored`.
    pub fn write_vendored(&self, staging: &Staging) -> Outcome<()> {
        if *self == Self::Vendored {
            for (path, bytes) in embedded::runtime_files() {
                staging.write(&Path::new(VENDORED_RUNTIME).join(path), bytes)?;
            }
            let checksums = Checksums::of_runtime().to_text();
            staging.write(Path::new(CHECKSUMS), checksums.as_bytes())?;
        }
        Ok(())
    }
}

fn git(url: &str) -> Outcome<RuntimeSource> {
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Failure::new(format!("{url:?} is not a git URL"))
            .hint("--runtime https://example.com/mcpo.git"));
    }
    Ok(RuntimeSource::Git(url.to_owned()))
}

fn local_folder(folder: &str) -> Outcome<RuntimeSource> {
    let fault = || Failure::new(format!("there is no crate mcpo-runtime in {folder}"));
    let manifest = Path::new(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).map_err(|error| {
        fault()
            .because(&error)
            .hint("use the folder that contains its Cargo.toml")
    })?;
    if !text.contains("name = \"mcpo-runtime\"") {
        return Err(fault().hint("use the folder that contains its Cargo.toml"));
    }
    let path = std::path::absolute(folder).map_err(|error| fault().because(&error))?;
    Ok(RuntimeSource::Folder(path))
}

fn from_registry(version: &str) -> Outcome<RuntimeSource> {
    semver::VersionReq::parse(version).map_err(|error| {
        Failure::new(format!(
            "`--runtime {version}` is not a version, a folder or a git URL"
        ))
        .because(&error)
        .hint("--runtime ../mcpo-runtime or --runtime https://…")
    })?;
    registry::check(version)?;
    Ok(RuntimeSource::Version(version.to_owned()))
}
