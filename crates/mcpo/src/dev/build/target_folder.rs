//! Gives each workspace a target folder that no other workspace uses.
//!
//! Two checkouts of a project may share a target folder (`CARGO_TARGET_DIR`). Cargo then mistakes
//! the results of one checkout for those of the other, because it names results after paths
//! relative to the workspace and compares times. So the first workspace claims the folder, and
//! other workspaces build in a folder inside it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use mcpo_common::package::Package;
use sha2::{Digest as _, Sha256};

use crate::dev::watch::stale_mtime;

/// The file that contains the path of the workspace that has claimed the folder.
const OWNER: &str = ".mcpo-workspace";

/// Which workspace owns a folder.
enum Claim {
    Ours,
    /// This workspace from now on, but existing files in the folder may come from another
    /// workspace.
    New,
    Taken,
}

/// Changes the package's target and build folders if another workspace uses them. Returns true if
/// at least one was changed.
pub fn separate(package: &mut Package) -> bool {
    let mut is_changed = false;
    let folders = [package.target.clone(), package.build.clone()];
    for (index, shared) in folders.iter().enumerate() {
        let is_known = index == 1 && folders[0] == folders[1];
        if is_known || shared.starts_with(&package.workspace) {
            continue;
        }
        match claim(shared, &package.workspace) {
            Ok(Claim::Ours) => {}
            Ok(Claim::New) => {
                for name in package.local.iter().chain([&package.name]) {
                    stale_mtime::forget(&package.artifact_folders(shared), name);
                }
            }
            // A folder that cannot be claimed may belong to another workspace.
            Ok(Claim::Taken) | Err(_) => {
                let separate = shared.join(name_for(&package.workspace));
                for folder in [&mut package.target, &mut package.build] {
                    if folder == shared {
                        folder.clone_from(&separate);
                    }
                }
                is_changed = true;
            }
        }
    }
    is_changed
}

fn claim(folder: &Path, workspace: &Path) -> io::Result<Claim> {
    fs::create_dir_all(folder)?;
    let owner = folder.join(OWNER);
    let ours = workspace.as_os_str().as_encoded_bytes();
    match File::create_new(&owner) {
        Ok(mut file) => {
            file.write_all(ours)?;
            return Ok(Claim::New);
        }
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => {}
    }
    let written = fs::read(&owner)?;
    if written == ours {
        return Ok(Claim::Ours);
    }
    // An empty file means that another process is writing it.
    let other = String::from_utf8_lossy(&written).into_owned();
    if other.is_empty() || PathBuf::from(other).join("Cargo.toml").is_file() {
        return Ok(Claim::Taken);
    }
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(ours)?;
    draft.persist(owner)?;
    Ok(Claim::New)
}

fn name_for(workspace: &Path) -> String {
    let digest: [u8; 32] = Sha256::digest(workspace.as_os_str().as_encoded_bytes()).into();
    let start = u64::from_be_bytes(std::array::from_fn(|index| digest[index]));
    format!("mcpo-dev-{start:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_folder_belongs_to_its_first_workspace_while_that_exists() {
        let shared = tempfile::tempdir().unwrap();
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(one.path().join("Cargo.toml"), "").unwrap();
        let claim = |workspace: &Path| claim(shared.path(), workspace).unwrap();
        assert!(matches!(claim(one.path()), Claim::New));
        assert!(matches!(claim(one.path()), Claim::Ours));
        assert!(matches!(claim(two.path()), Claim::Taken));
        drop(one);
        assert!(matches!(claim(two.path()), Claim::New));
        assert!(matches!(claim(two.path()), Claim::Ours));
        assert_ne!(name_for(shared.path()), name_for(two.path()));
    }
}
