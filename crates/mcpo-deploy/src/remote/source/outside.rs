//! Finds path dependencies outside the workspace.

use cargo_metadata::MetadataCommand;
use mcpo_common::{
    error::{Failure, Outcome},
    package::{Package, cargo_program},
};

/// Fails if the package depends on a crate in a folder that is not sent. Otherwise, the remote
/// build would fail later.
pub fn check(package: &Package) -> Outcome<()> {
    let root = &package.workspace;
    let metadata = MetadataCommand::new()
        .cargo_path(cargo_program())
        .manifest_path(root.join("Cargo.toml"))
        .other_options(vec![
            "--filter-platform".to_owned(),
            "x86_64-unknown-linux-gnu".to_owned(),
        ])
        .exec()
        .map_err(|error| {
            let said = match &error {
                cargo_metadata::Error::CargoMetadata { stderr } => stderr.trim().to_owned(),
                other => other.to_string(),
            };
            Failure::new("failed to locate the dependencies").because(&std::io::Error::other(said))
        })?;
    let outside: Vec<_> = metadata
        .packages
        .iter()
        .filter_map(|found| {
            let source = found.source.as_ref().map(|source| source.repr.as_str());
            let is_in_folder =
                source.is_none() && !found.manifest_path.as_std_path().starts_with(root);
            let place = match source {
                // A git repository or a registry on this machine.
                Some(source) if source.contains("+file:") => source,
                None if is_in_folder => found.manifest_path.parent().map_or("", |it| it.as_str()),
                _ => return None,
            };
            Some(format!("{} in {place}", found.name))
        })
        .collect();
    if outside.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "a remote build gets only {}; these crates are outside of it:\n  - {}",
        root.display(),
        outside.join("\n  - ")
    ))
    .hint("move them into the workspace, or depend on them by git or version instead of by path; a local build can use them as they are"))
}
