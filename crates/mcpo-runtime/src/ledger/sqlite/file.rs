//! The ledger's file: private to its owner, and the same one as long as the server runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::LedgerError;

/// The file that was opened when the server started.
#[derive(Clone)]
pub(super) struct LedgerFile {
    pub(super) path: PathBuf,
    identity: Identity,
}

/// Distinguishes a file from another one of the same name.
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
        // Elsewhere an open file can neither be deleted nor replaced.
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
pub(super) fn prepare(path: &Path) -> Result<(), LedgerError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        create_private_folder(folder)
            .map_err(|error| LedgerError::new("make its folder", error))?;
    }
    let failed = |error| LedgerError::new("open its database", error);
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {
            make_private(path);
            Ok(())
        }
        // SQLite reads what it may not write, and says what it may not read.
        Err(error) if error.kind() != io::ErrorKind::NotFound && path.exists() => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Takes away what earlier versions allowed others. SQLite gives its other files the mode of the
/// first one.
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
            tracing::warn!(%error, file, "others can read a file of the ledger");
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

impl LedgerFile {
    /// The file at `path`, which has just been opened.
    pub(super) fn opened(path: &Path) -> Result<Self, LedgerError> {
        let identity =
            Identity::of(path).map_err(|error| LedgerError::new("open its database", error))?;
        Ok(Self {
            path: path.to_owned(),
            identity,
        })
    }

    /// Fails if the file is not there any more. Going on with the deleted one would split the
    /// ledger in two: other instances would start with a new file, and spend codes again.
    pub(super) fn check(&self) -> Result<(), String> {
        let path = self.path.display();
        let what = match Identity::of(&self.path) {
            Ok(identity) if identity == self.identity => return Ok(()),
            Ok(_) => "was replaced",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "was deleted",
            Err(error) => return Err(format!("cannot look at {path}: {error}")),
        };
        Err(format!(
            "{path} {what} while the server is running; restart the server to use what is there \
             now (a grant that is not in it has ended)"
        ))
    }
}
