//! The command line that the user typed, for commands that are printed: each can be pasted and is
//! about the same service of the same project.

use super::args::DeployArgs;

/// The part of a command that says what it is about.
#[derive(Clone, Debug)]
pub struct Invocation(String);

impl Invocation {
    /// Keeps every flag that decides which service is meant and who acts.
    pub fn new(args: &DeployArgs, region: &str) -> Self {
        let mut words = vec!["mcpo".to_owned(), "deploy".to_owned(), region.to_owned()];
        let flags = [
            ("--project", &args.project),
            ("--service", &args.service),
            ("--package", &args.package),
            ("--bin", &args.bin),
            (
                "--impersonate-service-account",
                &args.impersonate_service_account,
            ),
        ];
        for (flag, value) in flags {
            if let Some(value) = value {
                words.extend([flag.to_owned(), quoted(value)]);
            }
        }
        if args.private {
            words.push("--private".to_owned());
        }
        Self(words.join(" "))
    }

    /// The command with these words at its end.
    pub fn with(&self, words: &str) -> String {
        if words.is_empty() {
            self.0.clone()
        } else {
            format!("{} {words}", self.0)
        }
    }
}

/// As a POSIX shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_can_be_pasted() {
        assert_eq!(quoted("a@b.c"), "a@b.c");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
