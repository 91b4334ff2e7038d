//! Where `--reuse` keeps credentials: one file per issuer, resource and client, only for the user.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mcpo_common::{
    error::{Failure, Outcome},
    private_file,
    ui::Ui,
};
use mcpo_probe::Credentials;
use sha2::{Digest as _, Sha256};

/// The most bytes that are read of a file: more than any credentials need.
const LIMIT: u64 = 256 * 1024;

/// The folder of kept credentials.
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Creates the folder if it is missing.
    pub fn open() -> Outcome<Self> {
        let folder = state_folder().ok_or_else(|| {
            Failure::new("failed to find a folder for --reuse")
                .hint("set XDG_STATE_HOME or HOME to a folder that you can write to")
        })?;
        private_file::folder(&folder).map_err(|error| {
            Failure::new(format!("failed to create {}", folder.display())).because(&error)
        })?;
        Ok(Self { folder })
    }

    /// Returns all kept credentials. A file that cannot be read causes a warning.
    pub fn load(&self, ui: &Ui) -> Vec<Credentials> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
        files
            .filter_map(|path| match read(&path) {
                Ok(credentials) => Some(credentials),
                Err(error) => {
                    ui.warn(format_args!("{} is not used: {error}", path.display()));
                    None
                }
            })
            .collect()
    }

    /// Writes the file of these credentials.
    pub fn keep(&self, credentials: &Credentials) -> Outcome<()> {
        let path = self.folder.join(name(credentials));
        let text = serde_json::to_string(credentials).map_err(io::Error::from);
        let written = text.and_then(|text| private_file::write(&path, &text));
        written.map_err(|error| {
            Failure::new(format!("failed to keep credentials in {}", path.display()))
                .because(&error)
        })
    }
}

/// Returns `$XDG_STATE_HOME/mcpo/probe`, or its default in the user's home.
fn state_folder() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    // The specification requires that relative paths are ignored.
    let state = state.filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    Some(state.join("mcpo/probe"))
}

/// Returns a digest as the file name: an issuer may contain characters that file names cannot.
fn name(credentials: &Credentials) -> String {
    let mut digest = Sha256::new();
    let resource = credentials.resource().unwrap_or_default();
    for part in [credentials.issuer(), resource, credentials.profile()] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    format!("{}.json", URL_SAFE_NO_PAD.encode(digest.finalize()))
}

fn read(path: &Path) -> io::Result<Credentials> {
    let file = File::open(path)?;
    #[cfg(unix)]
    check_private(&file)?;
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text)?;
    // The message of the error may quote a token.
    serde_json::from_str(&text).map_err(|_| io::Error::other("the file is damaged"))
}

/// Refuses tokens that other users can read or change.
#[cfg(unix)]
fn check_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let open_to_others = file.metadata()?.permissions().mode() & 0o077;
    if open_to_others == 0 {
        Ok(())
    } else {
        Err(io::Error::other(
            "other users can read it; run chmod 600 on it, or delete it",
        ))
    }
}
