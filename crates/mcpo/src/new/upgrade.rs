//! `mcpo new --upgrade`: replaces the copy of the runtime in a project with the copy in this mcpo.
//!
//! Compares three versions of each file: as it was copied, as it is in the project, and as it is in
//! this mcpo. The first is known by its checksum, which is stored next to the copy. Files that the
//! user has changed are kept. If mcpo has changed the same file, nothing is written at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    package::VENDORED_RUNTIME,
    replace_file::replace_file,
    text,
    ui::Ui,
};

use super::{
    checksums::{CHECKSUMS, Checksums, checksum},
    embedded,
    staging::failed_to,
};

/// What happens to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Add,
    Update,
    Remove,
    /// The user has changed it, and mcpo has not.
    Keep,
    /// Both have changed it, in different ways.
    Conflict,
}

/// Compares the checksums of one file: when it was copied, in the project, and in this mcpo. `None`
/// if the file does not exist there.
fn compare(copied: Option<&str>, project: Option<&str>, ours: Option<&str>) -> Option<Change> {
    if project == ours {
        return None;
    }
    if project != copied {
        let is_ours_unchanged = ours == copied;
        return Some(if is_ours_unchanged {
            Change::Keep
        } else {
            Change::Conflict
        });
    }
    Some(match (project, ours) {
        (None, _) => Change::Add,
        (_, None) => Change::Remove,
        _ => Change::Update,
    })
}

/// Replaces the runtime of the project in `folder`, and prints what has changed.
pub fn run(folder: &Path, ui: &Ui) -> Outcome {
    let vendored = folder.join(VENDORED_RUNTIME);
    if !vendored.join("Cargo.toml").is_file() {
        return Err(Failure::new(format!(
            "there is no {VENDORED_RUNTIME} in {}",
            folder.display()
        ))
        .hint("run this in the folder of a project, or name it: --path DIR"));
    }
    let copied = Checksums::read(&folder.join(CHECKSUMS))?;
    let before = version(&vendored);
    let ours: BTreeMap<_, _> = embedded::runtime_files().collect();
    let changes = changes(&vendored, &copied, &ours)?;
    let of = |wanted: Change| changes.iter().filter(move |(_, change)| *change == wanted);
    let conflicts: Vec<_> = of(Change::Conflict).collect();
    if !conflicts.is_empty() {
        let names: Vec<_> = conflicts.iter().map(|(path, _)| shown(path)).collect();
        return Err(Failure::new(format!(
            "you and mcpo have changed the same {}: {}; nothing was written",
            if names.len() == 1 { "file" } else { "files" },
            names.join(", ")
        ))
        .hint(
            "undo your changes there and upgrade again; then make them again if they are needed",
        ));
    }
    for (path, change) in &changes {
        apply(&vendored.join(path), *change, ours.get(path).copied())?;
    }
    // Last, so that an upgrade that was interrupted can be repeated.
    Checksums::of_runtime().write(&folder.join(CHECKSUMS))?;
    for (verb, change) in [
        ("Added", Change::Add),
        ("Updated", Change::Update),
        ("Removed", Change::Remove),
    ] {
        for (path, _) in of(change) {
            ui.step(verb, shown(path));
        }
    }
    for (path, _) in of(Change::Keep) {
        ui.warn(format_args!(
            "{} has your changes, which are kept",
            shown(path)
        ));
    }
    let is_written = |change: &Change| !matches!(change, Change::Keep | Change::Conflict);
    let written = changes.iter().filter(|(_, change)| is_written(change));
    report(folder, &vendored, &before, written.count(), ui);
    Ok(Exit::Success)
}

/// Prints the result, and the next command.
fn report(folder: &Path, vendored: &Path, before: &str, changed: usize, ui: &Ui) {
    let after = version(vendored);
    if changed == 0 {
        ui.result(format_args!("mcpo-runtime {after} is up to date"));
        return;
    }
    let versions = if before == after {
        after
    } else {
        format!("{before} to {after}")
    };
    ui.result(format_args!(
        "upgraded mcpo-runtime {versions}: {}",
        text::count(changed, "file")
    ));
    let wanted = rmcp(&vendored.join("Cargo.toml"));
    let used = rmcp(&folder.join("Cargo.toml"));
    if let (Some(wanted), Some(used)) = (wanted, used)
        && wanted != used
    {
        ui.warn(format_args!(
            "the runtime uses rmcp {wanted}; change rmcp {used} in Cargo.toml to {wanted}"
        ));
    }
    ui.say("\nNext:\n  cargo test");
}

fn shown(path: &Path) -> String {
    format!("{VENDORED_RUNTIME}/{}", path.display())
}

/// Returns all files that differ, in the order of their names.
fn changes(
    vendored: &Path,
    copied: &Checksums,
    ours: &BTreeMap<PathBuf, &'static [u8]>,
) -> Outcome<Vec<(PathBuf, Change)>> {
    let mut paths: BTreeSet<PathBuf> = ours.keys().cloned().collect();
    paths.extend(copied.paths().map(PathBuf::from));
    let mut changes = Vec::new();
    for path in paths {
        let project = match fs::read(vendored.join(&path)) {
            Ok(bytes) => Some(checksum(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed_to("read", &vendored.join(&path), &error)),
        };
        let ours = ours.get(&path).map(|bytes| checksum(bytes));
        let change = compare(copied.get(&path), project.as_deref(), ours.as_deref());
        changes.extend(change.map(|change| (path, change)));
    }
    Ok(changes)
}

fn apply(path: &Path, change: Change, ours: Option<&[u8]>) -> Outcome<()> {
    match (change, ours) {
        (Change::Add | Change::Update, Some(bytes)) => {
            replace_file(path, bytes).map_err(|error| failed_to("write", path, &error))
        }
        (Change::Remove, _) => {
            fs::remove_file(path).map_err(|error| failed_to("remove", path, &error))
        }
        _ => Ok(()),
    }
}

fn manifest(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// Returns the version of the runtime in this folder.
fn version(vendored: &Path) -> String {
    let manifest = manifest(&vendored.join("Cargo.toml"));
    let version = manifest
        .get("package")
        .and_then(|package| package.get("version"));
    let version = version.and_then(toml::Value::as_str);
    version.unwrap_or("of unknown version").to_owned()
}

/// Returns the required version of rmcp.
fn rmcp(path: &Path) -> Option<String> {
    let manifest = manifest(path);
    let rmcp = manifest.get("dependencies")?.get("rmcp")?;
    let version = rmcp.get("version").unwrap_or(rmcp);
    version.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_versions_of_a_file_decide_its_change() {
        let [a, b, c] = [Some("a"), Some("b"), Some("c")];
        for (copied, project, ours, expected) in [
            (a, a, a, None),
            (a, a, b, Some(Change::Update)),
            (a, a, None, Some(Change::Remove)),
            (None, None, a, Some(Change::Add)),
            // The user has made the same change.
            (a, b, b, None),
            (a, b, a, Some(Change::Keep)),
            (a, None, a, Some(Change::Keep)),
            (a, b, c, Some(Change::Conflict)),
            (a, None, b, Some(Change::Conflict)),
            (a, b, None, Some(Change::Conflict)),
            (None, a, b, Some(Change::Conflict)),
        ] {
            let change = compare(copied, project, ours);
            assert_eq!(change, expected, "{copied:?} {project:?} {ours:?}");
        }
    }
}
