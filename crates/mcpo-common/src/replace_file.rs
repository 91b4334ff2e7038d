//! Replaces a file in one step.

use std::{fs, io, io::Write as _, path::Path};

/// Writes a file under a temporary name and renames it, so that an interruption leaves the old or the
/// new file, and no half of one. Creates missing folders, and keeps the permissions of an existing
/// file.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut new = new_file(folder)?;
    new.write_all(bytes)?;
    if let Ok(existing) = fs::metadata(path) {
        new.as_file().set_permissions(existing.permissions())?;
    }
    new.persist(path)?;
    Ok(())
}

/// Creates a temporary file with the permissions of a usual file, instead of those of a private one.
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mcpo-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The process's umask is subtracted.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/file");
        replace_file(&path, b"old").unwrap();
        // Another name of the same file shows whether its content changes.
        let same = folder.path().join("same");
        fs::hard_link(&path, &same).unwrap();
        replace_file(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read(&same).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_a_usual_file_or_of_the_existing_one() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let usual = folder.path().join("usual");
        fs::write(&usual, "").unwrap();
        let path = folder.path().join("file");
        replace_file(&path, b"").unwrap();
        assert_eq!(mode(&path), mode(&usual));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        replace_file(&path, b"").unwrap();
        assert_eq!(mode(&path), 0o750);
    }
}
