//! Obtains tokens from the program `gcloud`.

use std::{process::Stdio, time::Duration};

use mcpo_common::{process::has_program, secret::Secret};
use tokio::process::Command;

use super::{CredentialError, Token};

const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a token is reused, in seconds. gcloud does not report the expiry, and returns tokens
/// that are valid for a few more minutes.
const REUSE_SECONDS: u64 = 240;

/// Returns an access token of gcloud's user.
pub async fn token() -> Result<Token, CredentialError> {
    let token = ask("print-access-token").await?;
    Ok(Token::lasting(token, REUSE_SECONDS))
}

/// Returns an identity token of gcloud's user, which services accept for any audience.
pub async fn identity() -> Result<Secret, CredentialError> {
    ask("print-identity-token").await
}

async fn ask(verb: &str) -> Result<Secret, CredentialError> {
    if !has_program("gcloud") {
        return Err(CredentialError::new("not installed"));
    }
    let mut command = Command::new("gcloud");
    command
        .args(["auth", verb, "--quiet"])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, command.output()).await;
    let output = output
        .map_err(|_| CredentialError::new(format!("no response within {} s", TIMEOUT.as_secs())))?
        .map_err(CredentialError::new)?;
    let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !token.is_empty() {
        return Ok(Secret::new(token));
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(CredentialError::new(format!(
        "gcloud auth {verb}: {}",
        reason(&said)
    )))
}

/// Returns gcloud's error message.
fn reason(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().find_map(|line| line.strip_prefix("ERROR: "));
    let text = error
        .or_else(|| lines().next())
        .unwrap_or("failed without a message");
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
