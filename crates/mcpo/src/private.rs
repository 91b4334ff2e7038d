//! Files and folders that are nobody else's.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Options for a new file that others cannot read. Windows' folders of a user are the user's anyway.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file that others cannot read; whoever reads it meanwhile finds all of it, or what was
/// there before.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = options().create(true).truncate(true).open(&draft)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(draft, path)
}

/// Makes a folder, and those it lies in, that others cannot enter.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Takes a folder from everybody but its owner.
pub fn restrict_folder(path: &Path) -> io::Result<()> {
    // Windows opens no folder as a file.
    if cfg!(unix) {
        restrict(&File::open(path)?)?;
    }
    Ok(())
}

/// Takes a file or folder from everybody but its owner. Returns true if others had access before.
/// Windows' folders of a user are the user's anyway.
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

/// Takes a file or folder from everybody but its owner. Returns true if others had access before.
#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere the file's permissions are changed, which may fail"
)]
pub fn restrict(_: &File) -> io::Result<bool> {
    Ok(false)
}
