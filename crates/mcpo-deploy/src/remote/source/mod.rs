//! Packs the source as one archive: the files that git would track, without secrets. The same
//! source always gives the same bytes, so that the digest identifies builds.

mod files;
mod outside;
mod private;

use std::{fs, io, path::Path};

use mcpo_common::{
    error::{Failure, Outcome},
    package::Package,
};
use tar::{Builder, EntryType, Header};

use self::files::{Entry, Kind};
use super::dockerfile;
use crate::{gzip, image::digest, settings::Features};

/// The maximum size of the source in bytes. Cloud Build accepts more, but a larger source is most
/// likely a mistake.
const LARGEST: u64 = 200 * 1024 * 1024;
/// The size of a header in a tar archive, in bytes.
const HEADER_LEN: u64 = 512;

/// A source archive, ready to upload.
#[derive(Debug)]
pub struct Source {
    pub bytes: Vec<u8>,
    /// The first 16 hexadecimal digits of the archive's digest.
    pub hash: String,
    pub files: usize,
    /// The files that are not sent although git would track them, each with the reason.
    pub left_out: Vec<String>,
}

/// Packs the workspace of the package.
pub fn pack(package: &Package, features: &Features) -> Outcome<Source> {
    outside::check(package)?;
    let failed = |error: io::Error| Failure::new("failed to pack the source").because(&error);
    let root = &package.workspace;
    let found = files::find(root, &package.target)?;
    let dockerfile = dockerfile::text(package, features)?;
    let mut tar = Builder::new(Vec::new());
    append(
        &mut tar,
        Path::new("Dockerfile"),
        0o644,
        dockerfile.as_bytes(),
    )
    .map_err(failed)?;
    let mut size = 0;
    for entry in &found.entries {
        size += size_in_archive(root, entry).map_err(failed)?;
        if size > LARGEST {
            return Err(Failure::new("the source is larger than 200 MiB")
                .hint("add files that the build does not need to .gitignore"));
        }
        add(&mut tar, root, entry).map_err(failed)?;
    }
    let bytes = gzip::compress(&tar.into_inner().map_err(failed)?)?;
    let digest = digest(&bytes);
    let hash = digest["sha256:".len()..][..16].to_owned();
    Ok(Source {
        bytes,
        hash,
        files: found.entries.len(),
        left_out: found.left_out,
    })
}

/// Returns the size of a file or a link with its header, before it is read.
fn size_in_archive(root: &Path, entry: &Entry) -> io::Result<u64> {
    let content = match &entry.kind {
        Kind::File => fs::metadata(root.join(&entry.path))?.len(),
        Kind::Link(_) => 0,
    };
    Ok(content + HEADER_LEN)
}

/// Adds a file or a link.
fn add<W: io::Write>(tar: &mut Builder<W>, root: &Path, entry: &Entry) -> io::Result<()> {
    match &entry.kind {
        Kind::File => {
            let place = root.join(&entry.path);
            let bytes = fs::read(&place)?;
            append(tar, &entry.path, mode(&place), &bytes)
        }
        Kind::Link(to) => {
            let mut header = header(EntryType::Symlink, 0o777, 0);
            tar.append_link(&mut header, &entry.path, to)
        }
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;

    let is_executable =
        fs::metadata(path).is_ok_and(|facts| facts.permissions().mode() & 0o100 != 0);
    if is_executable { 0o755 } else { 0o644 }
}

#[cfg(not(unix))]
fn mode(_path: &Path) -> u32 {
    0o644
}

fn append<W: io::Write>(
    tar: &mut Builder<W>,
    path: &Path,
    mode: u32,
    bytes: &[u8],
) -> io::Result<()> {
    let mut header = header(EntryType::Regular, mode, bytes.len() as u64);
    tar.append_data(&mut header, path, bytes)
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_size(size);
    header
}
