//! Reads from the environment which run of GitHub Actions this is.
//!
//! Anyone can set these variables, so the provenance contains them as claims and not as proof.

use serde_json::{Value, json};

/// A run of a workflow, as the environment claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// The URL of the run and its attempt.
    pub run: String,
    repository: String,
    /// The file of the workflow, with the repository and the git reference.
    file: String,
    commit: String,
}

impl Workflow {
    /// Returns the run that the variables describe, or `None` if they describe none.
    pub fn find(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        if variable("GITHUB_ACTIONS")? != "true" {
            return None;
        }
        let plain = |name: &str| {
            let value = variable(name)?;
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_./@:".contains(c);
            let is_plain = !value.is_empty() && value.len() <= 512 && value.chars().all(is_allowed);
            is_plain.then_some(value)
        };
        // The names of branches and files can contain almost anything.
        let text = |name: &str| {
            let value = variable(name)?;
            let is_text = !value.is_empty() && value.len() <= 1024;
            (is_text && !value.chars().any(char::is_control)).then_some(value)
        };
        let server = plain("GITHUB_SERVER_URL").filter(|url| url.starts_with("https://"))?;
        let (repository, run) = (plain("GITHUB_REPOSITORY")?, plain("GITHUB_RUN_ID")?);
        let attempt = plain("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
        Some(Self {
            run: format!("{server}/{repository}/actions/runs/{run}/attempts/{attempt}"),
            file: text("GITHUB_WORKFLOW_REF")?,
            commit: plain("GITHUB_SHA")?,
            repository,
        })
    }

    /// Returns the claims for the provenance.
    pub fn claims(&self) -> Value {
        json!({
            "repository": self.repository,
            "workflow": self.file,
            "commit": self.commit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Workflow;

    #[test]
    fn only_complete_and_plain_variables_describe_a_run() {
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "a/b"),
            ("GITHUB_RUN_ID", "42"),
            (
                "GITHUB_WORKFLOW_REF",
                "a/b/.github/workflows/d.yml@refs/heads/main",
            ),
            ("GITHUB_SHA", "0123"),
        ];
        let find = |changed: &str, value: Option<&str>| {
            Workflow::find(|name| {
                if name == changed {
                    return value.map(str::to_owned);
                }
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let run = find("", None).unwrap().run;
        assert_eq!(run, "https://github.com/a/b/actions/runs/42/attempts/1");
        assert_eq!(find("GITHUB_ACTIONS", None), None);
        assert_eq!(find("GITHUB_SHA", None), None);
        assert_eq!(find("GITHUB_REPOSITORY", Some("a b\n")), None);
        assert_eq!(find("GITHUB_SERVER_URL", Some("http://x")), None);
    }
}
