//! Selects the files to send: those that git would track, without build output, secrets, and files
//! outside the workspace.

use std::{
    fs,
    io::Read as _,
    path::{Component, Path, PathBuf},
};

use ignore::{DirEntry, WalkBuilder};
use mcpo_common::error::{Failure, Outcome};

use super::private;

/// Marks folders whose content can be regenerated, such as cargo's. <https://bford.info/cachedir/>
const CACHE_TAG: (&str, &[u8]) = (
    "CACHEDIR.TAG",
    b"Signature: 8a477f597d28d172789f06886806bc55",
);

/// A file and its path relative to the root.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub path: PathBuf,
    pub kind: Kind,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    File,
    /// A symbolic link and its target.
    Link(PathBuf),
}

/// The files to send, in order, and the files that are left out although git would track them.
#[derive(Debug, Default)]
pub struct Found {
    pub entries: Vec<Entry>,
    pub left_out: Vec<String>,
}

/// Searches `root`. `target` is cargo's target directory.
pub fn find(root: &Path, target: &Path) -> Outcome<Found> {
    let built = target.to_owned();
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        // `.ignore` files belong to other tools; git does not read them.
        .ignore(false)
        .filter_entry(move |entry| entry.depth() == 0 || !is_made_again(entry, &built))
        .build();
    let mut found = Found::default();
    for entry in walk {
        let entry =
            entry.map_err(|error| Failure::new("failed to read the source").because(&error))?;
        if let Ok(path) = entry.path().strip_prefix(root) {
            sort_in(&mut found, root, &entry, path);
        }
    }
    // Send the lock file even if git ignores it, so that both builds use the same versions.
    let lock = Path::new("Cargo.lock");
    let has_lock = found.entries.iter().any(|entry| entry.path == lock);
    if !has_lock && root.join(lock).is_file() {
        found.entries.push(Entry {
            path: lock.to_owned(),
            kind: Kind::File,
        });
    }
    found.entries.sort();
    Ok(found)
}

fn sort_in(found: &mut Found, root: &Path, entry: &DirEntry, path: &Path) {
    let is = |kind: fn(&fs::FileType) -> bool| entry.file_type().as_ref().is_some_and(kind);
    // The generated Dockerfile replaces it.
    if path == Path::new("Dockerfile")
        || !(is(fs::FileType::is_file) || is(fs::FileType::is_symlink))
    {
        return;
    }
    let kind = if is(fs::FileType::is_symlink) {
        match link(root, entry.path(), path) {
            Ok(to) => Kind::Link(to),
            Err(why) => return found.left_out.push(format!("{} ({why})", path.display())),
        }
    } else {
        Kind::File
    };
    if let Some(why) = private::reason(root, path) {
        return found.left_out.push(format!("{} ({why})", path.display()));
    }
    found.entries.push(Entry {
        path: path.to_owned(),
        kind,
    });
}

/// Returns the target of a link if the target is inside the workspace.
fn link(root: &Path, place: &Path, path: &Path) -> Result<PathBuf, &'static str> {
    let to = fs::read_link(place).map_err(|_| "unreadable link")?;
    let mut depth = path.components().count() - 1;
    for part in to.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return Err("link to a place outside the workspace"),
        }
    }
    // The link may lead through another link.
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    match place.canonicalize() {
        Ok(end) if end.starts_with(&root) => Ok(to),
        Ok(_) => Err("link to a place outside the workspace"),
        Err(_) => Err("broken link"),
    }
}

/// Returns true for folders that are never sent, independent of .gitignore.
fn is_made_again(entry: &DirEntry, target: &Path) -> bool {
    if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
        // In a worktree or a submodule, `.git` is a file.
        return entry.file_name() == ".git";
    }
    entry.path() == target
        || entry.file_name() == ".git"
        || entry.file_name() == ".mcpo"
        || has_cache_tag(entry.path())
}

fn has_cache_tag(folder: &Path) -> bool {
    let (name, signature) = CACHE_TAG;
    let mut begin = vec![0; signature.len()];
    fs::File::open(folder.join(name))
        .and_then(|mut file| file.read_exact(&mut begin))
        .is_ok_and(|()| begin == signature)
}
