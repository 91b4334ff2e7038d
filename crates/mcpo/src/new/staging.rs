//! The folder in which a project is created. It is next to the target, so that one rename completes
//! the project.
//!
//! A staging folder is locked while it is in use. An unlocked one was left behind by a process that
//! was killed, and the next run removes it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mcpo_common::error::{Exit, Failure, Outcome};
use signal_hook::consts::{SIGINT, SIGTERM};
use tempfile::TempDir;

const PREFIX: &str = ".mcpo-new-";
/// Locked while a staging folder is in use.
const LOCK: &str = "lock";

/// A project that is being created. Dropping it removes all files that were written.
#[derive(Debug)]
pub struct Staging {
    target: PathBuf,
    parent: PathBuf,
    /// A folder inside `outer`: `outer` is locked and later removed, and this folder is moved to
    /// the target.
    folder: PathBuf,
    interrupted: Arc<AtomicBool>,
    // These fields are dropped in this order, because Windows cannot remove a folder that contains
    // an open file.
    lock: File,
    outer: TempDir,
}

impl Staging {
    /// Checks that `target` can be created, and opens a staging folder next to it.
    pub fn beside(target: &Path) -> Outcome<Self> {
        let target =
            std::path::absolute(target).map_err(|error| failed_to("find", target, &error))?;
        let parent = target
            .parent()
            .ok_or_else(|| occupied(&target, "is the root of the file system"))?
            .to_owned();
        check_free(&target)?;
        check_parent(&parent)?;

        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))
                .map_err(|error| Failure::new("failed to listen for Ctrl-C").because(&error))?;
        }
        let (outer, lock) = open(&parent)?;
        let folder = outer.path().join("project");
        fs::create_dir(&folder).map_err(|error| failed_to("create", &folder, &error))?;
        Ok(Self {
            target,
            parent,
            folder,
            interrupted,
            lock,
            outer,
        })
    }

    /// Returns the folder of the project while it is being created.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns a path for files that do not become part of the project.
    #[cfg(feature = "third-party-templates")]
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.outer.path().join(name)
    }

    /// Returns the folder that will contain the project.
    pub fn parent(&self) -> &Path {
        &self.parent
    }

    /// Writes one file of the project, and creates its folders.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Outcome<()> {
        self.check_interrupted()?;
        let shown = self.target.join(path);
        let path = self.folder.join(path);
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| File::create_new(&path)?.write_all(bytes));
        written.map_err(|error| failed_to("write", &shown, &error))
    }

    /// Moves the project to its final place in one step.
    pub fn publish(self) -> Outcome<()> {
        self.check_interrupted()?;
        // If the target was created in the meantime and contains files, the rename fails.
        move_onto(&self.folder, &self.target)
            .map_err(|error| failed_to("create", &self.target, &error))?;
        let outer = self.outer.path().to_owned();
        drop(self.lock);
        self.outer
            .close()
            .map_err(|error| failed_to("remove", &outer, &error))
    }

    /// Returns an error if the user pressed Ctrl-C.
    pub fn check_interrupted(&self) -> Outcome<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(
                Failure::new("interrupted; nothing was created").exit_with(Exit::Interrupted)
            );
        }
        Ok(())
    }
}

/// Renames a folder. The target may be an empty folder.
fn move_onto(folder: &Path, target: &Path) -> io::Result<()> {
    // Unix does this in one step. Windows cannot rename onto a folder, so the target is removed
    // first, which fails if it contains files.
    #[cfg(windows)]
    if target.is_dir() {
        fs::remove_dir(target)?;
    }
    fs::rename(folder, target)
}

/// Checks that the target does not exist, or is an empty folder other than the current one.
fn check_free(target: &Path) -> Outcome<()> {
    let mut entries = match fs::read_dir(target) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A broken symbolic link also occupies the name.
            return match target.symlink_metadata() {
                Ok(_) => Err(occupied(target, "already exists")),
                Err(_) => Ok(()),
            };
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(occupied(target, "already exists"));
        }
        Err(error) => return Err(failed_to("read", target, &error)),
    };
    if entries.next().is_some() {
        return Err(occupied(target, "already exists and is not empty"));
    }
    let here = std::env::current_dir().and_then(fs::canonicalize).ok();
    if here.is_some() && here == fs::canonicalize(target).ok() {
        // The rename would leave the shell in a deleted folder.
        return Err(
            Failure::new("cannot create a project in the current folder")
                .hint("run `cd ..` and name the folder with --path"),
        );
    }
    Ok(())
}

fn occupied(target: &Path, why: &str) -> Failure {
    Failure::new(format!("{} {why}", target.display()))
        .hint("choose another name, or another folder with --path DIR")
}

fn check_parent(parent: &Path) -> Outcome<()> {
    if parent.is_dir() {
        return Ok(());
    }
    Err(
        Failure::new(format!("there is no folder {}", parent.display())).hint(if cfg!(windows) {
            format!("mkdir '{}'", parent.display())
        } else {
            format!("mkdir -p '{}'", parent.display())
        }),
    )
}

/// Removes stale staging folders, then creates and locks a new one.
fn open(parent: &Path) -> Outcome<(TempDir, File)> {
    let failed = |error: io::Error| failed_to("create a folder in", parent, &error);
    sweep(parent);
    let outer = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(parent)
        .map_err(|error| {
            // Leave out tempfile's random path, which would only confuse the user.
            failed(error.kind().into())
        })?;
    let lock = hold(outer.path()).map_err(failed)?;
    Ok((outer, lock))
}

/// Locks a staging folder. The lock file gets its final name only after it is locked, so that no
/// other process mistakes a new folder for a stale one. If files cannot be locked, it keeps its
/// draft name, and the folder is never swept. A separate file is used because folders cannot be
/// locked on Windows.
fn hold(folder: &Path) -> io::Result<File> {
    let draft = folder.join("lock.draft");
    let lock = File::create_new(&draft)?;
    if lock.try_lock().is_ok() {
        fs::rename(draft, folder.join(LOCK))?;
    }
    Ok(lock)
}

/// Removes staging folders whose process is gone. Folders that cannot be removed are left for the
/// next run.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_stale = |lock: PathBuf| File::open(lock).is_ok_and(|lock| lock.try_lock().is_ok());
        if ours && is_stale(entry.path().join(LOCK)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Returns the error for an operation on a file or folder.
pub fn failed_to(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("failed to {what} {}", path.display())).because(error)
}
