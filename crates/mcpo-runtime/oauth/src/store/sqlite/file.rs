//! Owns the ledger's file: it is private to its owner, and must stay the same file while the server
//! runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::store::contract::StoreError;

/// The file that was opened when the server started.
#[derive(Clone)]
pub(super) struct StoreFile {
    pub(super) path: PathBuf,
    identity: Identity,
}

/// Distinguishes a file from another file with the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    number: u64,
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt as _;
            Self {
                device: metadata.dev(),
                number: metadata.ino(),
            }
        };
        // On other systems, an open file can be neither deleted nor replaced.
        #[cfg(not(unix))]
        let identity = {
            let _ = metadata;
            Self {
                device: 0,
                number: 0,
            }
        };
        Ok(identity)
    }
}

/// Creates the file and its folder if they do not exist, readable by their owner only.
pub(super) fn prepare(path: &Path) -> Result<(), StoreError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        create_private_folder(folder)
            .map_err(|error| StoreError::new("create its folder", error))?;
    }
    let failed = |error| StoreError::new("open its database", error);
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {
            make_private(path);
            Ok(())
        }
        // Leave this to SQLite: it can read a file that it cannot write, and reports one that it
        // cannot read.
        Err(error) if error.kind() != io::ErrorKind::NotFound && path.exists() => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Removes the permissions for other users that earlier versions set. SQLite gives its other files
/// the mode of the main file.
fn make_private(path: &Path) {
    #[cfg(unix)]
    for suffix in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let Ok(metadata) = fs::metadata(&name) else {
            continue;
        };
        let mode = metadata.permissions().mode();
        if mode & 0o777 == mode & 0o700 {
            continue;
        }
        if let Err(error) = fs::set_permissions(&name, fs::Permissions::from_mode(mode & 0o700)) {
            let file = Path::new(&name).display().to_string();
            tracing::warn!(%error, file, "other users can read a ledger file");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl StoreFile {
    /// Returns the file at `path`, which has just been opened.
    pub(super) fn opened(path: &Path) -> Result<Self, StoreError> {
        let identity =
            Identity::of(path).map_err(|error| StoreError::new("open its database", error))?;
        Ok(Self {
            path: path.to_owned(),
            identity,
        })
    }

    /// Fails if the file was deleted or replaced. Continuing with the deleted file would split the
    /// ledger: other instances would start with a new file and accept spent codes again.
    pub(super) fn check(&self) -> Result<(), String> {
        let path = self.path.display();
        let what = match Identity::of(&self.path) {
            Ok(identity) if identity == self.identity => return Ok(()),
            Ok(_) => "was replaced",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "was deleted",
            Err(error) => return Err(format!("cannot read the metadata of {path}: {error}")),
        };
        Err(format!(
            "{path} {what} while the server is running; restart the server to use the current file \
             (grants that are not in it have ended)"
        ))
    }
}
