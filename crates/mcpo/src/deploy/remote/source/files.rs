//! Which files go along: what git would keep of them, without what is built, secret, or elsewhere.

use std::{
    fs,
    io::Read as _,
    path::{Component, Path, PathBuf},
};

use ignore::{DirEntry, WalkBuilder};

use super::private;
use crate::error::{Failure, Outcome};

/// Cargo and others mark folders by it whose content can be made again.
/// <https://bford.info/cachedir/>
const CACHE_TAG: (&str, &[u8]) = (
    "CACHEDIR.TAG",
    b"Signature: 8a477f597d28d172789f06886806bc55",
);

/// A file, by its path below the root.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub path: PathBuf,
    pub kind: Kind,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    File,
    /// A symbolic link, and what is written in it.
    Link(PathBuf),
}

/// What goes, in order, and what stays although git would keep it.
#[derive(Debug, Default)]
pub struct Found {
    pub entries: Vec<Entry>,
    pub left_out: Vec<String>,
}

/// Looks through `root`; `target` is where cargo puts what it makes.
pub fn find(root: &Path, target: &Path) -> Outcome<Found> {
    let built = target.to_owned();
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        // Of another tool; git does not know it.
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
    // What was built here is what is built there, also where the lock file is not kept.
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
    // Ours takes its place.
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

/// Where a link leads, if that is a place that goes along.
fn link(root: &Path, place: &Path, path: &Path) -> Result<PathBuf, &'static str> {
    let to = fs::read_link(place).map_err(|_| "a link that cannot be read")?;
    let mut depth = path.components().count() - 1;
    for part in to.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return Err("a link that leads out of the workspace"),
        }
    }
    // A link may lead through another one.
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    match place.canonicalize() {
        Ok(end) if end.starts_with(&root) => Ok(to),
        Ok(_) => Err("a link that leads out of the workspace"),
        Err(_) => Err("a link that leads nowhere"),
    }
}

/// Folders of which nothing is kept, whatever .gitignore says.
fn is_made_again(entry: &DirEntry, target: &Path) -> bool {
    if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
        // A worktree's or a submodule's is a file.
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
