//! Checks with their verdicts, and the log that collects them in flow order.

mod explain;

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use mcpo_common::text::clean;
use url::Url;

use self::explain::Cause;
use crate::{
    fingerprints::{Blanks, Fingerprint, Noted, Place},
    http::{Activity, Recorder, Sent},
    observations::Observations,
    plan::{Person, Plan},
    redact::Secrets,
    rules::{self, Rule},
    target::Target,
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

/// All checks so far, in flow order.
pub struct Log<'o> {
    checks: Vec<Check>,
    /// What the server sent, for judgments after the last check.
    pub seen: Observations,
    observer: &'o mut dyn Observer,
    suggestion: Option<Suggestion>,
    round: u32,
    recorder: Rc<Recorder>,
    /// What depends on the client in the texts about known servers.
    blanks: Blanks,
}

impl<'o> Log<'o> {
    pub fn new(observer: &'o mut dyn Observer, plan: &Plan) -> Self {
        let recorder = Recorder::new(plan.target.url(), plan.detailed, observer.activity());
        plan.remember_secrets(&recorder.secrets);
        let redirect_uri = match &plan.person {
            Person::Forms { redirect_uri, .. } => Some(redirect_uri.clone()),
            Person::Browser => plan.profile.redirect_uris().next(),
        };
        Self {
            checks: Vec::new(),
            seen: Observations::default(),
            observer,
            suggestion: None,
            round: 1,
            recorder,
            blanks: Blanks::new(plan.profile.addresses(), redirect_uri.as_ref()),
        }
    }

    /// Returns the recorder of the requests.
    pub fn recorder(&self) -> Rc<Recorder> {
        Rc::clone(&self.recorder)
    }

    /// Starts the next round: from here on, the probe repeats earlier steps.
    pub const fn next_round(&mut self) {
        self.round += 1;
    }

    /// Sets what the user should add to the command.
    pub fn suggest(&mut self, suggestion: Suggestion) {
        self.suggestion = Some(suggestion);
    }

    /// Notes the words of a refusal that came in a redirect, to explain the verdict that follows.
    pub fn note_refusal(&self, words: &str) {
        self.recorder.traits.note(Noted {
            place: Place::Authorization,
            url: String::new(),
            text: format!("status 302\n{words}"),
        });
    }

    /// Skips `rules`, all for the same reason.
    pub fn skip(&mut self, rules: &[&'static Rule], because: &str) {
        let because = shown(&self.recorder.secrets, because);
        for rule in rules {
            self.checks.push(Check {
                rule,
                verdict: Verdict::Skipped {
                    because: because.clone(),
                },
                fault: Fault::default(),
                elapsed: Duration::ZERO,
                settings: Vec::new(),
                details: Vec::new(),
                sent: Vec::new(),
                round: self.round,
            });
        }
        if !rules.is_empty() {
            self.observer.skipped(rules, &because);
        }
    }

    /// Skips every rule of the catalogue that the probe did not reach.
    pub fn skip_unreached(&mut self, target: &Target) {
        match target {
            Target::Url(_) => self.skip_rest(rules::all(), "the probe ended before it"),
            Target::Command(_) => self.skip_rest(rules::stdio(), "the probe ended before it"),
        }
    }

    /// Skips those of `rules` that have no check yet.
    pub fn skip_rest(&mut self, rules: impl Iterator<Item = &'static Rule>, because: &str) {
        let unreached: Vec<_> = rules
            .filter(|rule| !self.checks.iter().any(|check| check.rule.id == rule.id))
            .collect();
        self.skip(&unreached, because);
    }

    /// Returns the known servers that the responses match.
    pub fn recognized(&self) -> Vec<&'static Fingerprint> {
        self.recorder.traits.recognized()
    }

    /// Ends the log.
    pub fn into_parts(self) -> LogParts {
        LogParts {
            last_requests: self.recorder.take(),
            checks: self.checks,
            suggestion: self.suggestion,
            seen: self.seen,
        }
    }

    fn record(&mut self, pending: &Pending, verdict: Verdict, fault: Fault) {
        let sent = self.recorder.take();
        let mut check = Check {
            rule: pending.rule,
            settings: Vec::new(),
            details: pending.details.clone(),
            verdict,
            fault,
            elapsed: pending.since.elapsed(),
            sent,
            round: self.round,
        };
        // The explanation completes texts that are already short enough.
        check.redact(&self.recorder.secrets);
        let recent = self.recorder.traits.take_recent();
        match explain::explain(&mut check, &recent, &self.recorder.traits, &self.blanks) {
            Cause::Server => {}
            // What the check suggested is about the server.
            Cause::Gateway => self.suggestion = None,
            Cause::GatewayForBrowsers => self.suggestion = Some(Suggestion::Browser),
        }
        if !pending.has_settings {
            check.settings.clear();
        }
        check.redact(&self.recorder.secrets);
        self.observer.checked(&check);
        self.checks.push(check);
    }
}

/// The contents of a log.
pub struct LogParts {
    pub checks: Vec<Check>,
    /// The requests sent after the last check.
    pub last_requests: Vec<Sent>,
    /// What the user should add to the command.
    pub suggestion: Option<Suggestion>,
    pub seen: Observations,
}

impl Rule {
    /// Starts the timer of a check.
    pub(crate) fn begin(&'static self) -> Pending {
        Pending {
            rule: self,
            since: Instant::now(),
            details: Vec::new(),
            has_settings: true,
        }
    }
}

/// A check whose timer is running. Its verdict consumes it.
#[must_use]
pub struct Pending {
    rule: &'static Rule,
    since: Instant,
    details: Vec<Detail>,
    /// Whether the settings of a recognized server can fix the problem.
    has_settings: bool,
}

impl Pending {
    /// Leaves out the settings of the recognized server, which are about another problem.
    pub const fn without_settings(mut self) -> Self {
        self.has_settings = false;
        self
    }

    /// Adds lines to the report of the check.
    pub fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.details = details;
        self
    }

    /// Returns how long the check has taken.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    pub fn pass(self, log: &mut Log<'_>, seen: impl AsRef<str>) {
        log.record(&self, Verdict::Pass, Fault::new(seen, "", ""));
    }

    /// Passes, or warns if there is a reason to.
    pub fn pass_or_warn(self, log: &mut Log<'_>, seen: impl AsRef<str>, warning: Option<Fault>) {
        match warning {
            Some(fault) => self.warn(log, fault),
            None => self.pass(log, seen),
        }
    }

    pub fn warn(self, log: &mut Log<'_>, fault: Fault) {
        log.record(&self, Verdict::Warn, fault);
    }

    pub fn fail(self, log: &mut Log<'_>, fault: Fault) -> Stop {
        log.record(&self, Verdict::Fail, fault);
        Stop
    }

    pub fn skip(self, log: &mut Log<'_>, because: impl AsRef<str>) {
        let because = because.as_ref().to_owned();
        log.record(&self, Verdict::Skipped { because }, Fault::default());
    }

    pub fn could_not_run(
        self,
        log: &mut Log<'_>,
        because: impl AsRef<str>,
        hint: impl AsRef<str>,
    ) -> Stop {
        let because = because.as_ref().to_owned();
        let fault = Fault::new("", "", hint);
        log.record(&self, Verdict::CouldNotRun { because }, fault);
        Stop
    }
}
