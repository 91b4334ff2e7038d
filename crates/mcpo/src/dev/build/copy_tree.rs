//! Copies folders of compiled crates.

use std::{
    fs::{self, File, FileTimes},
    io,
    path::Path,
};

/// How libraries are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libraries {
    Copy,
    /// With a hard link, if the file system supports it.
    Link,
}

/// Copies a file or a folder with its contents. Keeps the times, because cargo compares them.
pub fn copy_tree(from: &Path, to: &Path, libraries: Libraries) -> io::Result<()> {
    let about = fs::metadata(from)?;
    if about.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()), libraries)?;
        }
        return Ok(());
    }
    // The compiler replaces libraries by renaming, so all projects can share one file. Other files
    // are overwritten in place.
    let is_library = from
        .extension()
        .is_some_and(|kind| kind == "rlib" || kind == "rmeta");
    if libraries == Libraries::Link && is_library && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A file that several projects share must be writable by its owner only.
        let mode = about.permissions().mode() & !0o022;
        fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    }
    let times = FileTimes::new().set_modified(about.modified()?);
    File::options().append(true).open(to)?.set_times(times)
}
