//! A password for a server that a tunnel opens to the internet: nobody is let in by accident.

use std::{fs, path::Path};

use crate::{
    error::{Failure, Outcome},
    private,
    walk::Secret,
};

const FILE: &str = "tunnel-password";
const LENGTH: usize = 24;
/// The one that is kept in the state folder, or a new one.
pub fn keep(state: &Path) -> Outcome<Secret> {
    let path = state.join(FILE);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept.trim().len() == LENGTH {
        return Ok(Secret::new(kept.trim()));
    }
    let made = Secret::random_of(LENGTH)
        .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
    private::write(&path, made.expose()).map_err(|error| {
        Failure::new(format!("failed to write {}", path.display())).because(&error)
    })?;
    Ok(made)
}
