//! Checks with their verdicts, and the log that collects them in flow order.

mod explain;
mod log;
mod pending;

use std::time::Duration;

use mcpo_common::text::clean;
use url::Url;

pub use self::{
    log::{Log, LogParts},
    pending::Pending,
};
use crate::{
    http::{Activity, Sent},
    redact::Secrets,
    rules::Rule,
};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server does what the check expects.
    Pass,
    /// It works now, but it breaks some clients or will break later.
    Warn,
    /// The server is wrong.
    Fail,
    /// The check does not apply to this server or to this run.
    Skipped {
        /// Why it does not apply.
        because: String,
    },
    /// The probe could not test this, so nothing is known about the server.
    CouldNotRun {
        /// Why there is no verdict.
        because: String,
    },
}

/// A problem, in the words of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What the server did.
    pub seen: String,
    /// What the check expects.
    pub expected: String,
    /// The fix.
    pub hint: String,
}

impl Fault {
    pub(crate) fn new(
        seen: impl AsRef<str>,
        expected: impl AsRef<str>,
        hint: impl AsRef<str>,
    ) -> Self {
        Self {
            seen: seen.as_ref().to_owned(),
            expected: expected.as_ref().to_owned(),
            hint: hint.as_ref().to_owned(),
        }
    }
}

/// Returns `text` for a report: without secrets, on one line, and not too long. Secrets come first,
/// because a part of one is not recognized.
fn shown(secrets: &Secrets, text: &str) -> String {
    clean(&secrets.hide(text.to_owned()))
}

/// A line of a report: a label and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detail {
    /// One word.
    pub label: &'static str,
    /// The text.
    pub text: String,
}

/// The result of one run of a rule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Check {
    /// What is checked.
    pub rule: &'static Rule,
    /// The result.
    pub verdict: Verdict,
    /// The problem; empty if there is none.
    pub fault: Fault,
    /// How long the check took.
    pub elapsed: Duration,
    /// Settings of the recognized server software that fix the problem.
    pub settings: Vec<String>,
    /// More lines of the report, such as each change of a contract.
    pub details: Vec<Detail>,
    /// The requests of this check, in order.
    pub sent: Vec<Sent>,
    /// 1, or more if the probe had to authorize again (step-up, another authorization server).
    pub round: u32,
}

impl Check {
    /// Replaces the secrets in all texts.
    fn redact(&mut self, secrets: &Secrets) {
        let Fault {
            seen,
            expected,
            hint,
        } = &mut self.fault;
        for text in [seen, expected, hint] {
            *text = shown(secrets, text);
        }
        if let Verdict::Skipped { because } | Verdict::CouldNotRun { because } = &mut self.verdict {
            *because = shown(secrets, because);
        }
        for detail in &mut self.details {
            detail.text = secrets.hide(std::mem::take(&mut detail.text));
        }
        for setting in &mut self.settings {
            *setting = secrets.hide(std::mem::take(setting));
        }
    }

    /// Returns the stable id of the check, such as `refresh`.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        self.rule.id
    }

    /// Returns the title in reports for people, with the round if the probe authorized again.
    #[must_use]
    pub fn title(&self) -> String {
        match self.round {
            0 | 1 => self.rule.title.to_owned(),
            round => format!("{} ({round})", self.rule.title),
        }
    }
}

/// What the user can add to the command so that the probe can continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suggestion {
    Password,
    Browser,
    ClientId,
    Reuse,
    /// The address where an MCP server answers.
    Address(Url),
}

/// The end of the probe; the log has the reason.
#[derive(Debug)]
pub struct Stop;

/// The output of a step, or the end of the probe.
pub type Step<T> = Result<T, Stop>;

/// Shows checks as they finish.
pub trait Observer {
    /// Returns the callback that is called for each request as it is sent.
    fn activity(&self) -> Option<Activity> {
        None
    }
    /// Shows a check that has finished.
    fn checked(&mut self, check: &Check);
    /// Shows several consecutive rules that were skipped for the same reason.
    fn skipped(&mut self, rules: &[&'static Rule], because: &str);
}

/// An observer that shows nothing; the report contains everything.
pub struct Quiet;

impl Observer for Quiet {
    fn checked(&mut self, _: &Check) {}
    fn skipped(&mut self, _: &[&'static Rule], _: &str) {}
}
