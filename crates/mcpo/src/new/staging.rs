//! The folder a project is made in: beside its place, so that one rename puts it there.
//!
//! A staging folder is locked while it is in use. One that is not locked was left behind by a
//! process that was killed, and whoever comes next removes it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::consts::{SIGINT, SIGTERM};
use tempfile::TempDir;

use super::failed_to;
use crate::error::{Exit, Failure, Outcome};

const PREFIX: &str = ".mcpo-new-";
/// Held as long as a staging folder is in use.
const LOCK: &str = "lock";

/// A project in the making. Dropping it removes whatever has been written.
#[derive(Debug)]
pub struct Staging {
    target: PathBuf,
    parent: PathBuf,
    /// Inside a folder of its own: that one is locked and removed, this one moves.
    folder: PathBuf,
    interrupted: Arc<AtomicBool>,
    // Dropped in this order: Windows removes no folder with an open file in it.
    lock: File,
    outer: TempDir,
}

impl Staging {
    /// Checks that `target` can be made and opens a staging folder beside it.
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
        fs::create_dir(&folder).map_err(|error| failed_to("make", &folder, &error))?;
        Ok(Self {
            target,
            parent,
            folder,
            interrupted,
            lock,
            outer,
        })
    }

    /// Where the project is while it is being made.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A place for something that does not become part of the project.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.outer.path().join(name)
    }

    /// Where the project is going to be, without its own name.
    pub fn parent(&self) -> &Path {
        &self.parent
    }

    /// Writes one file of the project, with the folders it needs.
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

    /// Moves the project to its place in one step.
    pub fn publish(self) -> Outcome<()> {
        self.check_interrupted()?;
        // The name may have been taken meanwhile: renaming onto a folder with files in it fails.
        move_onto(&self.folder, &self.target)
            .map_err(|error| failed_to("make", &self.target, &error))?;
        let outer = self.outer.path().to_owned();
        drop(self.lock);
        self.outer
            .close()
            .map_err(|error| failed_to("remove", &outer, &error))
    }

    /// Ends the command if somebody pressed Ctrl-C meanwhile.
    pub fn check_interrupted(&self) -> Outcome<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Failure::new("interrupted; nothing was made").exit_with(Exit::Interrupted));
        }
        Ok(())
    }
}

/// Renames a folder, onto an empty one if there is one.
fn move_onto(folder: &Path, target: &Path) -> io::Result<()> {
    // Unix does that in one step. Windows renames onto no folder; one with files in it is not removed.
    #[cfg(windows)]
    if target.is_dir() {
        fs::remove_dir(target)?;
    }
    fs::rename(folder, target)
}

/// The target must not exist, or be an empty folder which nobody stands in.
fn check_free(target: &Path) -> Outcome<()> {
    let mut entries = match fs::read_dir(target) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A symbolic link that leads nowhere occupies the name too.
            return match target.symlink_metadata() {
                Ok(_) => Err(occupied(target, "exists already")),
                Err(_) => Ok(()),
            };
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(occupied(target, "exists already"));
        }
        Err(error) => return Err(failed_to("look into", target, &error)),
    };
    if entries.next().is_some() {
        return Err(occupied(target, "exists already and is not empty"));
    }
    let here = std::env::current_dir().and_then(fs::canonicalize).ok();
    if here.is_some() && here == fs::canonicalize(target).ok() {
        // The rename would leave the shell in a folder that is gone.
        return Err(
            Failure::new("a project cannot be made in the folder you are in")
                .hint("go one up (cd ..) and name the folder with --path"),
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

/// Makes and locks a staging folder after removing those that nobody holds any more.
fn open(parent: &Path) -> Outcome<(TempDir, File)> {
    let failed = |error: io::Error| failed_to("make a folder in", parent, &error);
    sweep(parent);
    let outer = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(parent)
        .map_err(|error| {
            // tempfile names the random path, which means nothing to anybody.
            failed(error.kind().into())
        })?;
    let lock = hold(outer.path()).map_err(failed)?;
    Ok((outer, lock))
}

/// Locks a staging folder. The lock has its name only once it is held, so that nobody takes a folder
/// for a stale one that has just been made; where files cannot be locked it gets none, and nobody
/// sweeps. The folder itself cannot be locked on Windows.
fn hold(folder: &Path) -> io::Result<File> {
    let draft = folder.join("lock.draft");
    let lock = File::create_new(&draft)?;
    if lock.try_lock().is_ok() {
        fs::rename(draft, folder.join(LOCK))?;
    }
    Ok(lock)
}

/// Removes staging folders whose process is gone. What cannot be removed stays for the next time.
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
