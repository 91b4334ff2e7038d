//! A project on disk: its environment file, its secret and its state folder.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

pub use crate::environment_file::ENVIRONMENT_FILE;
use crate::{
    environment_file,
    error::{Failure, Outcome},
    private_file,
};

/// The committed example of the environment file.
pub const EXAMPLE_FILE: &str = ".env.example";
/// The state folder of a development server; never committed.
pub const STATE_FOLDER: &str = ".mcpo";
/// The variable with the key ring that encrypts the data that clients hold.
const SECRET: &str = "MCPO_SECRET";

/// Variables that configure a sign-in, and how users then sign in.
pub const SIGN_IN: &[(&str, &str)] = &[
    ("ADMIN_PASSWORD", "with ADMIN_PASSWORD"),
    (
        "ADMIN_PASSWORD_HASH",
        "with the password of ADMIN_PASSWORD_HASH",
    ),
    ("GITHUB_CLIENT_ID", "with GitHub"),
    ("OIDC_ISSUER", "at OIDC_ISSUER"),
    ("MCPO_AUTHORIZATION_SERVER", "at MCPO_AUTHORIZATION_SERVER"),
];

/// Where the project's secret came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// The project had a secret.
    Kept,
    /// A new secret was generated.
    Made,
    /// A new secret was generated in a file that other users could read. They no longer can.
    MadeAndRestricted,
}

/// Variables that a development server gets in addition to the environment of `mcpo` itself.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    from_file: Vec<(String, String)>,
    /// Set by `mcpo` for this run; overrides the shell and the file.
    decided: Vec<(String, String)>,
}

impl Environment {
    /// Reads the environment file in `folder`. Variables set in the shell take precedence.
    pub fn load(folder: &Path) -> Outcome<Self> {
        let mut from_file = environment_file::read(folder)?;
        from_file.retain(|(name, _)| env::var_os(name).is_none());
        Ok(Self {
            from_file,
            decided: Vec::new(),
        })
    }

    /// Adds variables that override the shell and the file for this run.
    #[must_use]
    pub fn with(mut self, decided: &[(String, String)]) -> Self {
        self.decided.extend_from_slice(decided);
        self
    }

    /// Loads the environment like [`load`](Self::load), and adds a generated secret to the file if
    /// none is set. A fresh clone has none.
    pub fn load_or_make(folder: &Path) -> Outcome<(Self, SecretOrigin)> {
        let found = Self::load(folder)?;
        if found.get(SECRET).is_some() {
            return Ok((found, SecretOrigin::Kept));
        }
        let path = folder.join(ENVIRONMENT_FILE);
        let origin = if path.exists() {
            append_secret(&path)?
        } else {
            write_new_environment(folder)?;
            SecretOrigin::Made
        };
        Ok((Self::load(folder)?, origin))
    }

    /// Returns the variable as the server will see it. An empty variable counts as unset.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let from_file = || {
            let mut lines = self.from_file.iter().rev();
            lines
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        let decided = || {
            let mut decided = self.decided.iter();
            decided
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        decided()
            .or_else(|| env::var(name).ok())
            .or_else(from_file)
            .filter(|value| !value.is_empty())
    }

    /// Returns how users sign in, or `None` if no sign-in is configured.
    #[must_use]
    pub fn sign_in(&self) -> Option<&'static str> {
        let mut ways = SIGN_IN.iter();
        let way = ways.find(|(name, _)| self.get(name).is_some());
        way.map(|(_, how)| *how)
    }

    /// Returns where the setting that decides how users sign in comes from.
    #[must_use]
    pub fn origin_of_sign_in(&self) -> Option<&'static str> {
        let (name, _) = SIGN_IN.iter().find(|(name, _)| self.get(name).is_some())?;
        Some(if self.decided.iter().any(|(known, _)| known == name) {
            "generated for this run"
        } else if env::var_os(name).is_some() {
            "set in the shell"
        } else {
            "set in .env"
        })
    }

    /// Returns the variables to add to the environment that the server inherits.
    pub fn additions(&self) -> impl Iterator<Item = (String, String)> {
        self.from_file.iter().chain(&self.decided).cloned()
    }
}

/// Writes the environment file of a new project in `folder`: the settings of the project's example,
/// with a new secret. Only the owner can read the file.
pub fn write_new_environment(folder: &Path) -> Outcome<()> {
    let example = fs::read_to_string(folder.join(EXAMPLE_FILE)).unwrap_or_default();
    // The introduction of the example ends at its first empty line.
    let (_, settings) = example.split_once("\n\n").unwrap_or_default();
    let empty = format!("{SECRET}=\n");
    let filled = format!("{SECRET}={}\n", new_secret()?);
    let settings = if settings.contains(&empty) {
        settings.replacen(&empty, &filled, 1)
    } else {
        format!(
            "# Encrypts everything that clients hold. Changing it signs all users out.\n{filled}"
        )
    };
    let text = format!(
        "# Read by `mcpo dev`; never commit it. Shell variables take precedence.\n\n{settings}"
    );
    private_file::options()
        .create_new(true)
        .open(folder.join(ENVIRONMENT_FILE))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| cannot_write(&error))
}

/// Adds a secret to an environment file that has none. The file is restricted to its owner before
/// the secret is written.
fn append_secret(path: &Path) -> Outcome<SecretOrigin> {
    let line = format!("\n{SECRET}={}\n", new_secret()?);
    let append = || {
        let mut file = OpenOptions::new().append(true).open(path)?;
        let restricted = private_file::restrict(&file)?;
        file.write_all(line.as_bytes())?;
        Ok(restricted)
    };
    match append() {
        Ok(true) => Ok(SecretOrigin::MadeAndRestricted),
        Ok(false) => Ok(SecretOrigin::Made),
        Err(error) => Err(cannot_write(&error)),
    }
}

/// Creates the state folder in `folder` if it is missing. Only the owner can enter it: it contains
/// passwords, keys and the ledger.
pub fn state_folder(folder: &Path) -> Outcome<PathBuf> {
    let state = folder.join(STATE_FOLDER);
    private_file::folder(&state)
        .and_then(|()| private_file::restrict_folder(&state))
        .map_err(|error| Failure::new(format!("failed to make {STATE_FOLDER}")).because(&error))?;
    Ok(state)
}

fn cannot_write(error: &io::Error) -> Failure {
    Failure::new(format!("failed to write {ENVIRONMENT_FILE}")).because(error)
}

/// Returns 32 random bytes in the encoding of the runtime's key ring.
fn new_secret() -> Outcome<String> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(key))
}
