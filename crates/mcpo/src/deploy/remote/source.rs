//! The source as one file: what git would keep, and nothing secret. The same source always gives
//! the same bytes, so that its digest says whether it was built before.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use flate2::{Compression, GzBuilder};
use ignore::WalkBuilder;
use tar::{Builder, EntryType, Header};

use super::dockerfile;
use crate::{
    deploy::{image::digest, settings::Features},
    error::{Failure, Outcome},
    package::Package,
};

/// Cloud Build takes more, but nobody's source is that large on purpose.
const LARGEST: usize = 200 * 1024 * 1024;

/// Source, ready to be uploaded.
#[derive(Debug)]
pub struct Source {
    pub bytes: Vec<u8>,
    /// Sixteen digits that stand for the content.
    pub hash: String,
    pub files: usize,
}

/// Packs the package's workspace.
pub fn pack(package: &Package, features: &Features) -> Outcome<Source> {
    let failed = |error: io::Error| Failure::new("failed to pack the source").because(&error);
    let root = &package.workspace;
    let files = files(root)?;
    let dockerfile = dockerfile::text(package, features)?;
    let gzip = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::default());
    let mut tar = Builder::new(gzip);
    append(
        &mut tar,
        Path::new("Dockerfile"),
        0o644,
        dockerfile.as_bytes(),
    )
    .map_err(failed)?;
    let mut size = 0;
    for file in &files {
        let bytes = fs::read(root.join(file)).map_err(failed)?;
        size += bytes.len();
        if size > LARGEST {
            return Err(Failure::new("the source has more than 200 MiB")
                .hint("put what need not be built into .gitignore"));
        }
        append(&mut tar, file, mode(&root.join(file)), &bytes).map_err(failed)?;
    }
    let bytes = tar
        .into_inner()
        .and_then(flate2::write::GzEncoder::finish)
        .map_err(failed)?;
    let digest = digest(&bytes);
    let hash = digest["sha256:".len()..][..16].to_owned();
    Ok(Source {
        bytes,
        hash,
        files: files.len(),
    })
}

/// Every file that git would keep, in order.
fn files(root: &Path) -> Outcome<Vec<PathBuf>> {
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| !is_never_sent(entry.file_name().to_string_lossy().as_ref()))
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry =
            entry.map_err(|error| Failure::new("failed to read the source").because(&error))?;
        if entry.file_type().is_some_and(|kind| kind.is_file())
            && let Ok(path) = entry.path().strip_prefix(root)
            && path != Path::new("Dockerfile")
        {
            files.push(path.to_owned());
        }
    }
    files.sort();
    Ok(files)
}

/// Whatever .gitignore says: secrets stay here, and what is built is built there.
fn is_never_sent(name: &str) -> bool {
    let is_environment = name == ".env" || (name.starts_with(".env.") && name != ".env.example");
    is_environment || matches!(name, ".git" | ".mcpo" | "target")
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
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes)
}
