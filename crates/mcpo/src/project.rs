//! A generated project on disk: where it is, its environment file and its secret.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::error::{Failure, Outcome};

/// The environment file of a project, never committed.
pub const ENVIRONMENT_FILE: &str = ".env";

/// Writes the environment file of a new project in `folder`, readable by its owner only.
pub fn write_new_environment(folder: &Path) -> Outcome<()> {
    let text = format!(
        "# Read by `mcpo dev`, never committed. What is set in the shell goes first.\n\
         \n\
         # Seals everything clients carry; whoever changes it signs everybody out.\n\
         MCPO_SECRET={}\n\
         \n\
         # The password asked for when a client connects. Unset: nobody is asked.\n\
         #ADMIN_PASSWORD=\n\
         \n\
         # The public address, without a path, once the server has one.\n\
         #BASE_URL=https://example.com\n",
        new_secret()?
    );
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    options
        .open(folder.join(ENVIRONMENT_FILE))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::new(format!("failed to write {ENVIRONMENT_FILE}")).because(&error))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

/// Windows' folders of a user are private to the user.
#[cfg(not(unix))]
fn private(_options: &mut OpenOptions) {}

/// 32 random bytes as the runtime's key ring takes them.
fn new_secret() -> Outcome<String> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(key))
}
