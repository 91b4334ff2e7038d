//! A generated project on disk: its environment file, its secret, its state folder.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    error::{Failure, Outcome},
    private,
};

/// The environment file of a project, never committed.
pub const ENVIRONMENT_FILE: &str = ".env";
/// What may go into it, committed.
pub const EXAMPLE_FILE: &str = ".env.example";
/// The folder for what a server in development remembers, never committed.
pub const STATE_FOLDER: &str = ".mcpo";
/// The key ring that seals what clients carry.
const SECRET: &str = "MCPO_SECRET";

/// Variables by which the runtime asks people who they are, and how they then sign in.
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

/// What was done so that the project has a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// It had one.
    Kept,
    /// One was made.
    Made,
    /// One was made in a file that others could read; now they cannot.
    MadeAndRestricted,
}

/// What a server in development finds in its environment beyond what `mcpo` itself was given.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    from_file: Vec<(String, String)>,
    /// Decided by `mcpo` for this run; goes before everything else.
    decided: Vec<(String, String)>,
}

impl Environment {
    /// Reads the environment file in `folder`; what is set in the shell is left alone.
    pub fn load(folder: &Path) -> Outcome<Self> {
        let failed = || Failure::new(format!("failed to read {ENVIRONMENT_FILE}"));
        let lines = match dotenvy::from_path_iter(folder.join(ENVIRONMENT_FILE)) {
            Ok(lines) => lines,
            Err(error) if error.not_found() => return Ok(Self::default()),
            Err(error) => return Err(failed().because(&error)),
        };
        let mut from_file = Vec::new();
        for line in lines {
            let (name, value) = line.map_err(|error| match &error {
                // The text of the line may be a secret.
                dotenvy::Error::LineParse(_, column) => {
                    failed().hint(format!("column {column} of a line is not NAME=value"))
                }
                other => failed().because(other),
            })?;
            if env::var_os(&name).is_none() {
                from_file.push((name, value));
            }
        }
        Ok(Self {
            from_file,
            decided: Vec::new(),
        })
    }

    /// The same with what was decided for this run, whatever the shell and the file say.
    #[must_use]
    pub fn with(mut self, decided: &[(String, String)]) -> Self {
        self.decided.extend_from_slice(decided);
        self
    }

    /// The same, and a file with a new secret if none is set anywhere: a fresh clone has none.
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

    /// The variable as the server is going to see it; empty counts as unset.
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

    /// How people sign in; `None` if nobody is asked.
    pub fn sign_in(&self) -> Option<&'static str> {
        let mut ways = SIGN_IN.iter();
        let way = ways.find(|(name, _)| self.get(name).is_some());
        way.map(|(_, how)| *how)
    }

    /// What is to be added to the environment that the server inherits.
    pub fn additions(&self) -> impl Iterator<Item = (String, String)> {
        self.from_file.iter().chain(&self.decided).cloned()
    }
}

/// Writes the environment file of a new project in `folder`, readable by its owner only: what the
/// project's example says, with a secret.
pub fn write_new_environment(folder: &Path) -> Outcome<()> {
    let example = fs::read_to_string(folder.join(EXAMPLE_FILE)).unwrap_or_default();
    // What the example says of itself stands before its first empty line.
    let (_, settings) = example.split_once("\n\n").unwrap_or_default();
    let empty = format!("{SECRET}=\n");
    let filled = format!("{SECRET}={}\n", new_secret()?);
    let settings = if settings.contains(&empty) {
        settings.replacen(&empty, &filled, 1)
    } else {
        format!(
            "# Seals everything clients carry; whoever changes it signs everybody out.\n{filled}"
        )
    };
    let text = format!(
        "# Read by `mcpo dev`, never committed. What is set in the shell goes first.\n\n{settings}"
    );
    private::options()
        .create_new(true)
        .open(folder.join(ENVIRONMENT_FILE))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| cannot_write(&error))
}

/// Adds a secret to an environment file that has none. Only the owner may read the file before the
/// secret is in it.
fn append_secret(path: &Path) -> Outcome<SecretOrigin> {
    let line = format!("\n{SECRET}={}\n", new_secret()?);
    let append = || {
        let mut file = OpenOptions::new().append(true).open(path)?;
        let restricted = private::restrict(&file)?;
        file.write_all(line.as_bytes())?;
        Ok(restricted)
    };
    match append() {
        Ok(true) => Ok(SecretOrigin::MadeAndRestricted),
        Ok(false) => Ok(SecretOrigin::Made),
        Err(error) => Err(cannot_write(&error)),
    }
}

/// Makes the state folder in `folder`, if it is not there yet. Only the owner may enter it: it keeps
/// passwords, keys and the ledger.
pub fn state_folder(folder: &Path) -> Outcome<PathBuf> {
    let state = folder.join(STATE_FOLDER);
    private::folder(&state)
        .and_then(|()| private::restrict_folder(&state))
        .map_err(|error| Failure::new(format!("failed to make {STATE_FOLDER}")).because(&error))?;
    Ok(state)
}

fn cannot_write(error: &io::Error) -> Failure {
    Failure::new(format!("failed to write {ENVIRONMENT_FILE}")).because(error)
}

/// 32 random bytes as the runtime's key ring takes them.
fn new_secret() -> Outcome<String> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(key))
}
