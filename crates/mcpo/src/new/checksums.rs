//! The checksums of the copied runtime, in the form that `sha256sum --check` reads.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use mcpo_common::{
    error::{Failure, Outcome},
    replace_file::replace_file,
};
use sha2::{Digest as _, Sha256};

use super::{embedded, staging::failed_to};

/// The file in a project. Its paths are relative to the folder `vendor`.
pub const CHECKSUMS: &str = "vendor/mcpo-runtime.sha256";
const PREFIX: &str = "mcpo-runtime/";

/// Checksums by path, relative to the folder of the runtime.
#[derive(Debug, PartialEq, Eq)]
pub struct Checksums(BTreeMap<PathBuf, String>);

impl Checksums {
    /// Returns the checksums of the runtime in this binary.
    pub fn of_runtime() -> Self {
        let files = embedded::runtime_files();
        Self(files.map(|(path, bytes)| (path, checksum(bytes))).collect())
    }

    /// Reads the checksums of a project.
    pub fn read(path: &Path) -> Outcome<Self> {
        let text = fs::read_to_string(path).map_err(|error| {
            failed_to("read", path, &error).hint(
                "projects of older versions have no checksums; copy the folder `vendor` of a new \
                 project instead",
            )
        })?;
        Self::parse(&text).ok_or_else(|| {
            Failure::new(format!("{} is not a list of checksums", path.display()))
                .hint("restore the file from git")
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let entry = |line: &str| {
            let (checksum, path) = line.split_once("  ")?;
            let path = path.strip_prefix(PREFIX)?;
            // The paths are read, written and removed. On Windows, `C:` and a backslash also leave the
            // folder.
            let is_inside = path.split('/').all(|part| !["", ".", ".."].contains(&part));
            (is_inside && !path.contains(['\\', ':'])).then(|| (path.into(), checksum.to_owned()))
        };
        text.lines().map(entry).collect::<Option<_>>().map(Self)
    }

    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (path, checksum) in &self.0 {
            let path = path.to_string_lossy().replace('\\', "/");
            let _ = writeln!(text, "{checksum}  {PREFIX}{path}");
        }
        text
    }

    pub fn write(&self, path: &Path) -> Outcome<()> {
        replace_file(path, self.to_text().as_bytes())
            .map_err(|error| failed_to("write", path, &error))
    }

    pub fn get(&self, path: &Path) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }
}

/// Returns the SHA-256 digest in hexadecimal. Line ends of Windows count as those of Unix, because
/// git may convert them.
pub fn checksum(bytes: &[u8]) -> String {
    let is_kept = |at: &usize| !(bytes[*at] == b'\r' && bytes.get(at + 1) == Some(&b'\n'));
    let kept: Vec<u8> = (0..bytes.len())
        .filter(is_kept)
        .map(|at| bytes[at])
        .collect();
    let mut text = String::new();
    for byte in Sha256::digest(kept) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_as_written() {
        let written = Checksums::of_runtime();
        assert_eq!(Checksums::parse(&written.to_text()), Some(written));
        assert_eq!(checksum(b"a\r\nb"), checksum(b"a\nb"));
        assert_ne!(checksum(b"a\rb"), checksum(b"a\nb"));
    }

    #[test]
    fn paths_outside_of_the_folder_are_rejected() {
        for path in [
            "../x",
            "a/../../x",
            "/etc/x",
            "a//x",
            "..\\x",
            "C:/x",
            "a/C:x",
        ] {
            let text = format!("00  mcpo-runtime/{path}\n");
            assert_eq!(Checksums::parse(&text), None, "{path}");
        }
        assert_eq!(Checksums::parse("00  other/x\n"), None);
    }
}
