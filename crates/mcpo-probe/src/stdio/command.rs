//! The command that starts a local server.

use std::{borrow::Cow, fmt};

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
    text::clean_to,
};

use crate::redact::{Secrets, is_secret};

/// The most characters of a command in reports.
const SHOWN: usize = 1_000;

/// A program and its arguments, without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCommand {
    program: String,
    arguments: Vec<String>,
    /// The command for reports: quoted for a shell, without secrets.
    shown: String,
}

impl ServerCommand {
    /// Creates a command from the program and its arguments. Fails if there is no program.
    pub fn new(words: impl IntoIterator<Item = String>) -> Outcome<Self> {
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or_else(|| {
            Failure::new("no command after --").hint("for example: mcpo probe -- node server.js")
        })?;
        let arguments: Vec<String> = words.collect();
        let secrets = Secrets::default();
        let shown = std::iter::once(program.as_str().into()).chain(hidden(&arguments, &secrets));
        let shown: Vec<_> = shown.map(|word| quoted(&word)).collect();
        let shown = clean_to(&shown.join(" "), SHOWN);
        Ok(Self {
            program,
            arguments,
            shown,
        })
    }

    /// Returns the command for reports: quoted for a shell, without secrets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Returns the program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    pub(crate) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Returns the secrets of the command line and of the environment, which the server may print.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let secrets = Secrets::default();
        self.remember_secrets(&secrets);
        secrets.values()
    }

    /// Remembers the secrets of the command line and of the environment, which the server may print.
    pub(crate) fn remember_secrets(&self, secrets: &Secrets) {
        let _ = hidden(&self.arguments, secrets).count();
        for (name, value) in std::env::vars_os() {
            if let (Some(name), Some(value)) = (name.to_str(), value.to_str())
                && is_secret(name)
            {
                secrets.cut(name, value);
            }
        }
    }
}

impl fmt::Display for ServerCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

/// Returns the arguments; the values of `--api-key=…`, `--api-key …` and `API_KEY=…` are replaced.
fn hidden<'a>(
    arguments: &'a [String],
    secrets: &'a Secrets,
) -> impl Iterator<Item = Cow<'a, str>> + 'a {
    let mut name_of_next: Option<&str> = None;
    arguments.iter().map(move |argument| {
        if let Some(name) = name_of_next.take()
            && !argument.starts_with('-')
        {
            return secrets.cut(name, argument).into();
        }
        let name = argument.trim_start_matches('-');
        match name.split_once('=') {
            Some((name, value)) if is_secret(name) && !value.is_empty() => {
                let end = argument.len() - value.len();
                format!("{}{}", &argument[..end], secrets.cut(name, value)).into()
            }
            _ => {
                let is_option = argument.starts_with('-') && is_secret(name);
                name_of_next = is_option.then_some(name);
                argument.as_str().into()
            }
        }
    })
}

/// Quotes a word for a shell: unchanged if that is safe, otherwise in single quotes.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@,+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::ServerCommand;
    use crate::redact::Secrets;

    fn command(words: &[&str]) -> ServerCommand {
        ServerCommand::new(words.iter().map(|word| (*word).to_owned())).unwrap()
    }

    #[test]
    fn commands_are_shown_quoted_and_without_secrets() {
        let shown = |words: &[&str]| command(words).as_str().to_owned();
        assert_eq!(
            shown(&["npx", "-y", "@scope/server"]),
            "npx -y @scope/server"
        );
        assert_eq!(shown(&["sh", "-c", "it's"]), r"sh -c 'it'\''s'");
        assert_eq!(
            shown(&["env", "GITHUB_TOKEN=ghp_0123456789", "node", "x.js"]),
            "env 'GITHUB_TOKEN=<GITHUB_TOKEN: 14 characters>' node x.js"
        );
        assert_eq!(
            shown(&[
                "s",
                "--api-key",
                "0123456789",
                "--api-key=9876543210",
                "--token",
                "-v"
            ]),
            "s --api-key '<api-key: 10 characters>' '--api-key=<api-key: 10 characters>' --token -v"
        );
        assert!(ServerCommand::new([]).is_err());
    }

    #[test]
    fn secrets_of_the_command_line_are_hidden_in_texts_of_the_server() {
        let secrets = Secrets::default();
        command(&["s", "--api-key", "0123456789"]).remember_secrets(&secrets);
        let shown = secrets.hide("invalid key 0123456789".to_owned());
        assert_eq!(shown, "invalid key <api-key: 10 characters>");
        let known = command(&["s", "--api-key", "0123456789"]).secrets();
        assert!(known.iter().any(|secret| secret.expose() == "0123456789"));
    }
}
