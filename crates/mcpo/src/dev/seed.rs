//! Compiled dependencies, shared between projects: the first build of the second project compiles
//! only what is its own.
//!
//! After a build, what cargo made of crates from elsewhere is kept in the user's cache folder, and
//! a project that has built nothing yet begins with that. Cargo stays the judge: what does not fit
//! its own fingerprints, it compiles. Only copies are shared, because cargo writes over some of its
//! files, and one project must not change what another one has.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File, FileTimes},
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use crate::{package::Package, private};

/// Nobody takes so long to copy a build.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);
/// The folders of a build that hold something of dependencies; the first one says what is there.
const PARTS: [&str; 3] = [".fingerprint", "deps", "build"];

/// What is kept for one compiler and one version of mcpo.
#[derive(Clone, Debug)]
pub struct Seed {
    kept: PathBuf,
    built: PathBuf,
}

impl Seed {
    /// The seed for a package, where there is a folder for it and a compiler to be known by.
    pub fn of(package: &Package) -> Option<Self> {
        let mut compiler = Command::new("rustc");
        let compiler = compiler.arg("-vV").current_dir(&package.folder).output();
        let digest: [u8; 32] = Sha256::digest(compiler.ok()?.stdout).into();
        let version = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        let name = format!("{}-{version:08x}", env!("CARGO_PKG_VERSION"));
        Some(Self {
            kept: cache_folder()?.join("mcpo/dependencies").join(name),
            built: package.target.join("debug"),
        })
    }

    /// Gives a project that has built nothing yet what others have compiled; whether it did.
    pub fn plant(&self) -> io::Result<bool> {
        let known = self.built.join(PARTS[0]);
        if known.exists() || !self.kept.join(PARTS[0]).is_dir() {
            return Ok(false);
        }
        // Cargo believes in what it finds there, so that comes last and as a whole.
        for part in PARTS.iter().skip(1) {
            copy_tree(&self.kept.join(part), &self.built.join(part))?;
        }
        let aside = tempfile::Builder::new()
            .prefix(".mcpo-")
            .tempdir_in(&self.built)?;
        copy_tree(&self.kept.join(PARTS[0]), &aside.path().join(PARTS[0]))?;
        fs::rename(aside.path().join(PARTS[0]), known)?;
        Ok(true)
    }

    /// Keeps what was compiled, but for the crates in `local`.
    pub fn keep(&self, local: &BTreeSet<String>) -> io::Result<()> {
        let folder = self.kept.parent().ok_or(io::ErrorKind::NotFound)?;
        // What lies there is going to be run: nobody else may write it.
        private::folder(folder)?;
        sweep(folder);
        let aside = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(folder)?;
        for part in PARTS {
            let (from, to) = (self.built.join(part), aside.path().join(part));
            fs::create_dir(&to)?;
            for entry in fs::read_dir(from)?.flatten() {
                let name = entry.file_name();
                if name.to_str().is_some_and(|name| is_foreign(name, local)) {
                    copy_tree(&entry.path(), &to.join(name))?;
                }
            }
        }
        // Whoever reads the old one meanwhile compiles what is missing.
        let old = tempfile::Builder::new()
            .prefix(".old-")
            .tempdir_in(folder)?;
        match fs::rename(&self.kept, old.path().join("kept")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::rename(aside.keep(), &self.kept),
        }
    }

    /// Whether a project has compiled more than is kept.
    pub fn is_worth_keeping(&self) -> bool {
        let count = |folder: &Path| fs::read_dir(folder.join(PARTS[0])).map_or(0, Iterator::count);
        count(&self.built) > count(&self.kept) + 10
    }
}

/// Whether cargo gave the name to something of a crate from elsewhere: `serde-0123456789abcdef`,
/// `libserde-0123456789abcdef.rlib`.
fn is_foreign(name: &str, local: &BTreeSet<String>) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let Some((of_crate, hash)) = stem.rsplit_once('-') else {
        return false;
    };
    let plain = |name: &str| name.replace('-', "_");
    let of_crate = plain(of_crate);
    let is_local = |name: &str| local.iter().any(|local| plain(local) == name);
    hash.len() == 16 && !is_local(&of_crate) && !of_crate.strip_prefix("lib").is_some_and(is_local)
}

/// `$XDG_CACHE_HOME`, or its default in the user's home; what Windows calls local data.
fn cache_folder() -> Option<PathBuf> {
    let given = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let given = given.filter(|folder| folder.is_absolute());
    if given.is_none() && cfg!(windows) {
        return env::var_os("LOCALAPPDATA").map(PathBuf::from);
    }
    given.or_else(|| Some(env::home_dir()?.join(".cache")))
}

/// Removes what a process that was killed has left half done.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let left = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with('.'));
        let written = entry.metadata().and_then(|about| about.modified());
        let age = written.ok().and_then(|written| written.elapsed().ok());
        if left && age.is_some_and(|age| age > LEFT_BEHIND) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Copies a file or a folder with all in it, times included: cargo goes by those.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let about = fs::metadata(from)?;
    if about.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to)?;
    let times = FileTimes::new().set_modified(about.modified()?);
    File::options().append(true).open(to)?.set_times(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_projects_own_stays_there() {
        let local = BTreeSet::from(["my-service".to_owned(), "mcpo-runtime".to_owned()]);
        for foreign in [
            "serde-0123456789abcdef",
            "libserde_json-0123456789abcdef.rlib",
            "async-trait-0123456789abcdef",
        ] {
            assert!(is_foreign(foreign, &local), "{foreign}");
        }
        for own in [
            "my-service-0123456789abcdef",
            "my_service-0123456789abcdef.d",
            "libmcpo_runtime-0123456789abcdef.rmeta",
            "serde",
            "CACHEDIR.TAG",
        ] {
            assert!(!is_foreign(own, &local), "{own}");
        }
    }

    #[test]
    fn a_seed_is_planted_once_and_with_its_times() {
        let folder = tempfile::tempdir().unwrap();
        let project = |name: &str| Seed {
            kept: folder.path().join("cache/kept"),
            built: folder.path().join(name),
        };
        let (one, two) = (project("one"), project("two"));
        for part in PARTS {
            fs::create_dir_all(one.built.join(part)).unwrap();
        }
        let unit = "deps/libserde-0123456789abcdef.rlib";
        fs::write(one.built.join(unit), "compiled").unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(1000);
        let file = File::options()
            .append(true)
            .open(one.built.join(unit))
            .unwrap();
        file.set_modified(old).unwrap();
        fs::write(one.built.join("deps/libmine-0123456789abcdef.rlib"), "own").unwrap();

        assert!(!two.plant().unwrap(), "nothing is kept yet");
        one.keep(&BTreeSet::from(["mine".to_owned()])).unwrap();
        one.keep(&BTreeSet::from(["mine".to_owned()])).unwrap();
        assert!(two.plant().unwrap());
        assert_eq!(fs::read(two.built.join(unit)).unwrap(), b"compiled");
        let copied = fs::metadata(two.built.join(unit))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(copied, old);
        assert!(
            !two.built
                .join("deps/libmine-0123456789abcdef.rlib")
                .exists()
        );
        assert!(!two.plant().unwrap(), "it has something of its own now");
        let left = fs::read_dir(folder.path().join("cache")).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside");
    }
}
