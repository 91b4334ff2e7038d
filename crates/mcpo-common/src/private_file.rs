//! Files and folders that only their owner can access.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Returns options for a new file that other users cannot read. On Windows, a user's folders are
/// private already.
#[must_use]
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file that other users cannot read. The file is replaced atomically: a concurrent reader
/// gets either the old or the new content.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A temporary file is private. It is deleted after an error.
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

/// Creates a folder and its missing parents. Other users cannot enter the folders created.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Removes the access of all users but the owner from a folder.
pub fn restrict_folder(path: &Path) -> io::Result<()> {
    // Windows cannot open a folder as a file.
    if cfg!(unix) {
        restrict(&File::open(path)?)?;
    }
    Ok(())
}

/// Removes the access of all users but the owner. Returns true if others had access before. On
/// Windows, a user's folders are private already.
#[cfg(unix)]
pub fn restrict(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    const OF_OTHERS: u32 = 0o077;
    let mut permissions = file.metadata()?.permissions();
    let mode = permissions.mode();
    if mode & OF_OTHERS == 0 {
        return Ok(false);
    }
    permissions.set_mode(mode & !OF_OTHERS);
    file.set_permissions(permissions)?;
    Ok(true)
}

/// Does nothing on Windows, where a user's folders are private already.
#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "on Unix, the function changes the file's permissions, which can fail"
)]
pub fn restrict(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn a_private_file_is_replaced_and_no_other_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "one").unwrap();
        super::write(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let permissions = fs::metadata(&path).unwrap().permissions();
            assert_eq!(permissions.mode() & 0o777, 0o600);
        }
        // A file cannot replace a folder.
        let inner = folder.path().join("folder");
        fs::create_dir(&inner).unwrap();
        super::write(&inner, "three").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
