//! Collects the checks of a probe, without secrets in their texts.

use std::{rc::Rc, time::Duration};

use super::{
    Check, Fault, Observer, Suggestion, Verdict,
    explain::{self, Cause},
    pending::Pending,
    shown,
};
use crate::{
    fingerprints::{Blanks, Fingerprint, Noted, Place},
    http::{Recorder, Sent},
    observations::Observations,
    plan::{Person, Plan},
    rules::{self, Rule},
    target::Target,
};

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

    pub(super) fn record(&mut self, pending: &Pending, verdict: Verdict, fault: Fault) {
        let sent = self.recorder.take();
        let mut check = Check {
            rule: pending.rule,
            settings: Vec::new(),
            details: pending.details.clone(),
            verdict,
            fault,
            elapsed: pending.elapsed(),
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
