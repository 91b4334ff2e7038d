//! Rebuilds the command that the user typed, for the commands that mcpo prints: each can be pasted
//! and refers to the same service of the same project.

use mcpo_common::shell;

use crate::args::DeployArgs;

/// The start of a command line: the region and the flags that select the service.
#[derive(Clone, Debug)]
pub struct Invocation(String);

impl Invocation {
    /// Keeps every flag that selects the service or the acting account.
    pub fn new(args: &DeployArgs, region: &str) -> Self {
        let mut words = vec!["mcpo".to_owned(), "deploy".to_owned(), region.to_owned()];
        let flags = [
            ("--project", &args.project),
            ("--service", &args.service),
            ("--environment", &args.environment),
            ("--package", &args.package),
            ("--bin", &args.bin),
            ("--domain", &args.domain),
            (
                "--impersonate-service-account",
                &args.impersonate_service_account,
            ),
        ];
        for (flag, value) in flags {
            if let Some(value) = value {
                words.extend([flag.to_owned(), shell::quoted(value)]);
            }
        }
        if args.private {
            words.push("--private".to_owned());
        }
        Self(words.join(" "))
    }

    /// Returns the command with `words` appended.
    pub fn with(&self, words: &str) -> String {
        if words.is_empty() {
            self.0.clone()
        } else {
            format!("{} {words}", self.0)
        }
    }
}
