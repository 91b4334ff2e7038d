//! The generated password of a server that other machines can reach, so that such a server is never
//! open by accident.

use std::{fs, path::Path};

use mcpo_common::{
    error::{Failure, Outcome},
    private_file,
    secret::Secret,
};

const FILE: &str = "tunnel-password";
const LENGTH: usize = 24;

/// Returns the password from the state folder, and generates one if there is none.
pub fn keep(state: &Path) -> Outcome<Secret> {
    let path = state.join(FILE);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept.trim().len() == LENGTH {
        return Ok(Secret::new(kept.trim()));
    }
    let made = Secret::random_of(LENGTH)
        .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
    private_file::write(&path, made.expose()).map_err(|error| {
        Failure::new(format!("failed to write {}", path.display())).because(&error)
    })?;
    Ok(made)
}
