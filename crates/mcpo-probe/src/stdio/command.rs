//! The command that starts a local server.

use std::{borrow::Cow, fmt};

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
    shell,
    text::clean_to,
};

use url::Url;

use crate::redact::{Secrets, is_secret, is_secret_setting};

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
        let shown: Vec<_> = shown.map(|word| shell::quoted(&word)).collect();
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
                && is_secret_setting(name)
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

/// Returns the arguments; the values of `--api-key=…`, `--api-key …`, `API_KEY=…` and
/// `Authorization: …` are replaced, and so are passwords in URLs.
fn hidden<'a>(arguments: &'a [String], secrets: &'a Secrets) -> impl Iterator<Item = Cow<'a, str>> {
    let mut name_of_next = None;
    arguments.iter().map(move |argument| {
        if let Some(name) = name_of_next.take()
            && !argument.starts_with('-')
        {
            return secrets.cut(name, argument).into();
        }
        let name = argument.trim_start_matches('-');
        let is_option = argument.starts_with('-') && is_secret_setting(name);
        name_of_next = is_option.then_some(name);
        redacted(argument, secrets)
    })
}

/// Replaces the secrets of one argument.
fn redacted<'a>(argument: &'a str, secrets: &Secrets) -> Cow<'a, str> {
    let has_authority = argument.split_once("://").is_some_and(|(scheme, _)| {
        let is_of_scheme = |part: char| part.is_ascii_alphanumeric() || "+-.".contains(part);
        !scheme.is_empty() && scheme.chars().all(is_of_scheme)
    });
    if has_authority {
        let url = Url::parse(argument).ok();
        let is_plain = |url: &Url| {
            url.query().is_none() && url.username().is_empty() && url.password().is_none()
        };
        return match url.filter(|url| !is_plain(url)) {
            Some(url) => secrets.url(&url).into(),
            None => argument.into(),
        };
    }
    if let Some((scheme, token)) = argument.split_once(' ')
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return format!("{scheme} {}", secrets.cut("token", token)).into();
    }
    let Some(end) = argument.find(['=', ':']) else {
        return argument.into();
    };
    let name = argument[..end].trim_start_matches('-').trim();
    let rest = &argument[end + 1..];
    let value = rest.trim_start();
    let start = &argument[..argument.len() - value.len()];
    if value.is_empty() {
        argument.into()
    } else if argument[end..].starts_with(':') && is_secret(name) {
        // The scheme of credentials is no secret.
        format!("{start}{}", secrets.header(name, value)).into()
    } else if is_secret_setting(name) {
        format!("{start}{}", secrets.cut(name, value)).into()
    } else {
        format!("{start}{}", redacted(value, secrets)).into()
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
        assert_eq!(
            shown(&[
                "s",
                "--header",
                "Authorization: Bearer xyz",
                "-H",
                "X-Api-Key:abc"
            ]),
            "s --header 'Authorization: Bearer <Authorization: 3 characters>' \
             -H 'X-Api-Key:<X-Api-Key: 3 characters>'"
        );
        assert_eq!(
            shown(&[
                "s",
                "postgresql://u:pw@h/db",
                "https://x/mcp?api_key=abc",
                "https://x"
            ]),
            "s 'postgresql://u:<password: 2 characters>@h/db' \
             'https://x/mcp?api_key=<api_key: 3 characters>' https://x"
        );
        assert_eq!(
            shown(&[
                "s",
                "--db=redis://:pw@h",
                "-e",
                "OPENAI_KEY=abc",
                "C:\\a",
                "k=v=w"
            ]),
            "s '--db=redis://:<password: 2 characters>@h' \
             -e 'OPENAI_KEY=<OPENAI_KEY: 3 characters>' 'C:\\a' k=v=w"
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
