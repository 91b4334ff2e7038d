//! The environment of the servers.

use std::path::PathBuf;

use mcpo_common::{error::Outcome, project::Environment};

/// Where the environment comes from. The file is read again for each server, because it may have
/// changed.
#[derive(Clone, Debug)]
pub struct ServerEnvironment {
    /// The folder with the environment file.
    pub folder: PathBuf,
    /// Variables that mcpo sets for this run. They override the shell and the file.
    pub decided: Vec<(String, String)>,
}

impl ServerEnvironment {
    /// Reads the environment.
    pub fn load(&self) -> Outcome<Environment> {
        Ok(Environment::load(&self.folder)?.with(&self.decided))
    }
}

/// Returns how users sign in, and where the password comes from.
pub fn describe_sign_in(environment: &Environment) -> String {
    match environment.sign_in() {
        None => "not required; set ADMIN_PASSWORD in .env to require a password".to_owned(),
        Some(how) => match environment.origin_of_sign_in() {
            Some(origin) => format!("{how}, {origin}"),
            None => how.to_owned(),
        },
    }
}
